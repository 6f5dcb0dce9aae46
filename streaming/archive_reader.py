"""The archive's records, each once, for batch jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as fn

from streaming.archive import HOUR_FOLDERS, Format, topic_folder

POSITION = ("topic", "partition", "offset", "timestamp")
"""Says which record it is. A topic that was made anew has its offsets twice, with other timestamps."""

_DAY = re.compile(r"/year=(\d{4})/month=(\d{2})/day=(\d{2})$")
_POSITION = "topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP"
SCHEMA = f"key BINARY, value BINARY, {_POSITION}, headers ARRAY<STRUCT<key: STRING, value: BINARY>>"
_JSON_SCHEMA = (
    f"key STRING, key_base64 STRING, value STRING, value_base64 STRING, {_POSITION}, "
    "headers ARRAY<STRUCT<key: STRING, value: STRING, value_base64: STRING>>"
)


def read(session: SparkSession, root: str, topic: str, first: date, last: date) -> DataFrame:
    """Every record of `topic` whose timestamp is on the days `first` to `last` (in UTC, both included), once, in the
    columns of SCHEMA, whichever formats the files have. Days without a folder have no records.

    Raises OSError where the archive can't be looked at, and Spark raises PySparkException, when the records are asked
    for, where a file can't be read: none is passed over.
    """
    base = topic_folder(root, topic)
    days = [folder for day, folder in _days(session, base) if first <= day <= last]
    if not days:
        return session.createDataFrame([], SCHEMA)
    parquet = _files(session, base, "parquet", SCHEMA).load(days).drop(*HOUR_FOLDERS)
    texts = _files(session, base, "json", _JSON_SCHEMA).load(days)
    return parquet.unionByName(_with_bytes(texts)).dropDuplicates(list(POSITION))


def _files(session: SparkSession, base: str, file_format: Format, schema: str) -> DataFrameReader:
    files = session.read.format(file_format).schema(schema).option("pathGlobFilter", f"*.{file_format}")
    return files.option("basePath", base).option("mode", "FAILFAST")


def _days(session: SparkSession, folder: str) -> Iterator[tuple[date, str]]:
    """A topic's days with their folders, listed through Hadoop: the archive may be wherever Spark can write."""
    context = session.sparkContext
    java: Any = context._jvm  # noqa: SLF001 py4j's door to Java has no public name
    configuration = context._jsc.hadoopConfiguration()  # noqa: SLF001 # type: ignore[union-attr]
    path = java.org.apache.hadoop.fs.Path(f"{folder}/year=*/month=*/day=*")
    try:
        found = path.getFileSystem(configuration).globStatus(path) or []
    except Py4JJavaError as error:
        raise OSError(f"{folder}: {error.java_exception}") from error
    for status in found:
        place = str(status.getPath())
        if named := _DAY.search(place):
            yield date(*map(int, named.groups())), place


def _with_bytes(texts: DataFrame) -> DataFrame:
    """The other way round from how the archive makes texts of them."""
    headers = fn.transform("headers", lambda header: fn.struct(header["key"].alias("key"), _bytes(header, "value")))
    whole = fn.struct("key", "key_base64", "value", "value_base64")
    return texts.select(_bytes(whole, "key"), _bytes(whole, "value"), *POSITION, headers.alias("headers"))


def _bytes(owner: Column, field: str) -> Column:
    return fn.coalesce(owner[field].cast("binary"), fn.unbase64(owner[f"{field}_base64"])).alias(field)
