"""Records for tests of the archive: Kafka's columns without Kafka, and what is in the files afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from shared.topics import CHUNKS_PROCESSED
from streaming.archive import ArchivedTopic, Format, writer
from streaming.settings import Settings
from tests.streaming.conftest import make_settings

KAFKA = (
    "key STRING, value STRING, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, "
    "headers ARRAY<STRUCT<key: STRING, value: STRING>>"
)
"""Bytes are in hex, since the records come from JSON files."""
TO_BYTES = {
    "key": "unhex(key)",
    "value": "unhex(value)",
    "headers": "transform(headers, header -> struct(header.key AS key, unhex(header.value) AS value))",
}
NIGHT = "2026-01-20T23:59:59.999Z"
MORNING = "2026-01-21T00:00:00.000Z"


@dataclass(frozen=True)
class Record:
    """Of `topic`, partition 0."""

    offset: int
    value: bytes | None = b"{}"
    timestamp: str = MORNING
    key: bytes | None = b"k"
    headers: tuple[tuple[str, bytes | None], ...] | None = None
    topic: str = CHUNKS_PROCESSED.name

    def as_json(self) -> dict[str, Any]:
        headers = None if self.headers is None else [{"key": n, "value": _hex(value)} for n, value in self.headers]
        return {
            "key": _hex(self.key),
            "value": _hex(self.value),
            "topic": self.topic,
            "partition": 0,
            "offset": self.offset,
            "timestamp": self.timestamp,
            "headers": headers,
        }


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


class World:
    """An archive below `folder`, or at `root`; `put` adds a batch of records, `run` archives what is there."""

    def __init__(self, spark: SparkSession, folder: Path, root: str = "", checkpoint_url: str = "") -> None:
        self.spark = spark
        self.root = root or f"file://{folder}/archive"
        self.files = folder / "archive"
        self.checkpoints = folder / "checkpoints"
        self._checkpoint_url = checkpoint_url or str(self.checkpoints)
        self._input = folder / "input"
        self._input.mkdir()
        self._batches = 0

    @property
    def settings(self) -> Settings:
        return make_settings(archive_url=self.root, checkpoint_url=self._checkpoint_url)

    def put(self, *records: Record) -> None:
        """One file is one batch."""
        self._batches += 1
        file = self._input / f"{self._batches}.json"
        file.write_text("\n".join(json.dumps(record.as_json()) for record in records))
        os.utime(file, (self._batches, self._batches))

    def records(self) -> DataFrame:
        stream = self.spark.readStream.schema(KAFKA).option("maxFilesPerTrigger", 1).json(str(self._input))
        return stream.selectExpr(
            *(f"{TO_BYTES.get(name, name)} AS {name}" for name in stream.columns),
        )

    def run(self, file_format: Format = "parquet") -> StreamingQuery:
        archived = ArchivedTopic(CHUNKS_PROCESSED, file_format)
        query = writer(self.records(), archived, self.settings).trigger(availableNow=True).start()
        query.awaitTermination()
        return query

    def paths(self) -> list[Path]:
        """Of all files but checksums, below the topic's folder."""
        folder = self.files / CHUNKS_PROCESSED.name
        files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        return sorted(path.relative_to(folder) for path in files)

    def folders(self) -> list[str]:
        """Of each file."""
        return [str(path.parent) for path in self.paths()]


def as_record(row: Row) -> Record:
    headers = None if row.headers is None else tuple((header.key, _bytes(header.value)) for header in row.headers)
    moment = row.timestamp.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Record(row.offset, _bytes(row.value), moment, _bytes(row.key), headers, row.topic)


def _bytes(value: bytearray | None) -> bytes | None:
    return None if value is None else bytes(value)


def records_of(rows: DataFrame) -> list[Record]:
    return [as_record(row) for row in rows.orderBy("offset", "timestamp").collect()]


def chunk(document: str, number: int, **changes: object) -> bytes:
    """Of version 1 of a document of `acme`, unless changed."""
    fields = {"company_id": "acme", "document_id": document, "chunk_id": f"{document}-{number}", "version": 1}
    return json.dumps({**fields, "text": "some words", **changes}).encode()


def offsets(records: Iterable[Record]) -> list[int]:
    return [record.offset for record in records]
