"""Raw records as files, by topic and hour: one micro-batch query per topic that is to be kept.

Every record of a topic is in a file of the folder of its own timestamp's hour, at least once: a batch that a crash
interrupted is written again under other names, and so is a whole topic whose checkpoint is lost. The reader
(archive_reader.py) drops what is there twice.

A batch writes into `_temporary` and moves whole files to their places, as Spark's batch jobs do. Its streaming default,
files in place and a list of the valid ones in `_spark_metadata`, was weighed and left: a crash leaves torn files that
only Spark knows to skip, the list is rewritten every ten batches and grows for ever, and with a new checkpoint beside
an old list Spark takes the first batches for written already and throws their records away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from shared.streams.declaration import Stream
from shared.streams.topics import input_topic
from shared.topics import (
    CHUNKS_PROCESSED,
    DOCUMENTS_RAW,
    DOCUMENTS_STATUS,
    EMBEDDINGS_READY,
    UPLOADS_RECEIVED,
    Topic,
)
from streaming.pools import Pool
from streaming.settings import Settings
from streaming.spreading import spread_milliseconds

Format = Literal["parquet", "json"]

FORM = 1
"""Of the files' columns and folders. Raise it with them: the topics are then archived anew."""
HOUR_FOLDERS = {"year": "yyyy", "month": "MM", "day": "dd", "hour": "HH"}
"""Folder names, outermost first, and how each is made of a record's timestamp in UTC."""

_OF_PIPELINE = (UPLOADS_RECEIVED, DOCUMENTS_RAW, CHUNKS_PROCESSED, EMBEDDINGS_READY, DOCUMENTS_STATUS)
_RECORDS_PER_FILE = 250_000
_REQUEST_TIMEOUT_MS = 10_000
_ANSWER_TIMEOUT_MS = 15_000
_COMMIT_PROTOCOL = "org.apache.spark.sql.execution.datasources.SQLHadoopMapReduceCommitProtocol"
# What a file being written holds in memory: Parquet's own 128 MiB, for each topic, is more than a small heap has.
_ROW_GROUP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class ArchivedTopic:
    """A topic that is kept as files of one format."""

    topic: Topic
    format: Format
    incarnation: int = 0
    """Of the topic's log: the checkpoint of one means nothing in another."""

    @property
    def query_name(self) -> str:
        return f"archive.{self.topic.name}"


def archived_topics(streams: Iterable[Stream], settings: Settings) -> tuple[ArchivedTopic, ...]:
    """Those of the pipeline, then the streams that ask for it; none where no archive is set."""
    if not settings.archive_url:
        return ()
    found = {topic.name: ArchivedTopic(topic, settings.archive_format) for topic in _OF_PIPELINE}
    for stream in streams:
        if stream.archive:
            found[stream.topic_name] = ArchivedTopic(input_topic(stream), stream.archive.format)
    return tuple(found.values())


def start(session: SparkSession, archived: ArchivedTopic, settings: Settings) -> StreamingQuery:
    """Starts it from its checkpoint, or from the topic's first record where there is none."""
    session.sparkContext.setLocalProperty("spark.scheduler.pool", Pool.BATCH)
    records = session.readStream.format("kafka").options(**source_options(archived.topic, settings)).load()
    # Spark counts a period from 1970: archives of one period would all plan in the same moment.
    trigger = f"{spread_milliseconds(archived.query_name, settings.archive_trigger)} milliseconds"
    return writer(records, archived, settings).trigger(processingTime=trigger).start()


def writer(records: DataFrame, archived: ArchivedTopic, settings: Settings) -> DataStreamWriter:
    """Of streamed Kafka records (key, value, topic, partition, offset, timestamp, headers): the query, to be started.

    All records of an hour go through one task, so that a batch makes one file of them, unless they are very many.
    """
    configure_files(records.sparkSession)
    return (
        in_folders(columns(records, archived.format))
        .repartition(*HOUR_FOLDERS)
        .writeStream.format(archived.format)
        .queryName(archived.query_name)
        .outputMode("append")
        .partitionBy(*HOUR_FOLDERS)
        .option("path", topic_folder(settings.archive_url, archived.topic.name))
        .option("checkpointLocation", checkpoint_path(archived, settings))
        .option("maxRecordsPerFile", _RECORDS_PER_FILE)
        .options(**({"compression": "zstd"} if archived.format == "parquet" else {}))
    )


def configure_files(session: SparkSession) -> None:
    """How this session's queries write files; see the module's docstring.

    Their names begin with the application's id: what one process wrote, no other overwrites.
    """
    session.conf.set("spark.sql.streaming.commitProtocolClass", _COMMIT_PROTOCOL)
    session.conf.set("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
    session.conf.set("mapreduce.output.basename", str(session.sparkContext.applicationId))
    session.conf.set("parquet.block.size", str(_ROW_GROUP_BYTES))
    # Its usual form of a time is one of its own, without a zone.
    session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")


def topic_folder(root: str, topic: str) -> str:
    return f"{root.rstrip('/')}/{topic}"


def checkpoint_path(archived: ArchivedTopic, settings: Settings) -> str:
    """Another place or format is another archive, which begins with the topic's first record."""
    meaning = [FORM, archived.format, topic_folder(settings.archive_url, archived.topic.name)]
    meaning += [archived.incarnation] if archived.incarnation else []
    digest = hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:16]
    return f"{settings.checkpoint_url.rstrip('/')}/archive/{archived.topic.name}-{digest}"


def source_options(topic: Topic, settings: Settings) -> dict[str, str]:
    return {
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
        "subscribe": topic.name,
        "includeHeaders": "true",
        "startingOffsets": "earliest",
        "kafka.isolation.level": "read_committed",
        "failOnDataLoss": str(settings.streaming_fail_on_data_loss).lower(),
        "maxOffsetsPerTrigger": str(settings.archive_batch_records),
        "groupIdPrefix": f"cauce-archive-{topic.name}",
        "fetchOffset.numRetries": "1",
        "kafka.max.partition.fetch.bytes": str(topic.max_message_bytes),
        "kafka.request.timeout.ms": str(_REQUEST_TIMEOUT_MS),
        "kafka.default.api.timeout.ms": str(_ANSWER_TIMEOUT_MS),
    }


def in_folders(rows: DataFrame) -> DataFrame:
    """With the columns that name the folders; the session's time zone is UTC."""
    return rows.withColumns({name: fn.date_format("timestamp", form) for name, form in HOUR_FOLDERS.items()})


def columns(records: DataFrame, file_format: Format) -> DataFrame:
    """A file's columns. In Parquet, bytes are bytes. In JSON they are text where they are UTF-8, else base64 under a
    name of its own (`value_base64`), so that what came is always to be had again."""
    position = ["topic", "partition", "offset", "timestamp"]
    if file_format == "parquet":
        return records.select("key", "value", *position, "headers")
    headers = fn.transform("headers", lambda header: fn.struct(header["key"].alias("key"), *_texts(header, "value")))
    whole = fn.struct("key", "value")
    return records.select(*_texts(whole, "key"), *_texts(whole, "value"), *position, headers.alias("headers"))


def _texts(owner: Column, field: str) -> tuple[Column, Column]:
    """JSON's writer leaves out the one that is null."""
    data = owner[field]
    text = data.cast("string")
    return (
        fn.when(fn.is_valid_utf8(text), text).alias(field),
        fn.when(~fn.is_valid_utf8(text), fn.base64(data)).alias(f"{field}_base64"),
    )
