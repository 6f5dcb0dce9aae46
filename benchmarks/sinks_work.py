"""What every contender of `make bench-sinks` writes, and where: window rows, readings and chunks of about 300 B."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.kafka.records import Outgoing
from shared.topics import CHUNKS_PROCESSED, PROCESSED_METRICS, PROCESSED_READINGS, Topic

DECLARATION = """
name: bench.sinks
topic: {partitions: 3, retention: 1d, key: sensor_id}
event_time: {field: timestamp, lateness: 1h}
fields:
  sensor_id: {type: string, max_length: 64}
  timestamp: {type: long, minimum: 1}
  value: {type: double}
  unit: {type: string, max_length: 16}
  quality: {type: string, max_length: 64}
windows:
  - table: bench_sinks_1m
    size: 1m
    group_by: [sensor_id]
    select: {count: count(*), mean: avg(value), lowest: min(value), highest: max(value)}
readings: {collection: bench_sinks_clean}
"""
TABLE, COLLECTION = "bench_sinks_1m", "bench_sinks_clean"
COLUMNS = ("window_start", "window_end", "sensor_id", "count", "mean", "lowest", "highest", "_epoch")
DATABASE = "cauce"
CHUNKS_OF_A_DOCUMENT = 50
TEXT = ("the quick brown fox jumps over the lazy dog, " * 2)[:80]


@dataclass(frozen=True)
class Place:
    """Where a contender works, and on which of the three kinds of rows."""

    kind: str
    servers: str
    group: str
    mysql_url: str
    mongodb_url: str
    known: bool
    at_once: int


def place() -> Place:
    """From the command line."""
    options = argparse.ArgumentParser()
    for name in ("kind", "servers", "group", "mysql_url", "mongodb_url"):
        options.add_argument(name)
    options.add_argument("--known", action="store_true", help="all rows are there already")
    options.add_argument("--at-once", type=int, default=1, help="batches in flight")
    return Place(**vars(options.parse_args()))


def metric(number: int) -> dict[str, Any]:
    minute = f"2026-01-{1 + number // 86_400_000:02d}T{number // 36_000 % 24:02d}:{number // 600 % 60:02d}"
    return {
        "_table_name": TABLE,
        "_epoch": 1,
        "window_start": f"{minute}:00.000Z",
        "window_end": f"{minute}:59.999Z",
        "sensor_id": f"station-{number:09d}-of-the-northern-network",
        "count": number % 997 + 1,
        "mean": number / 7,
        "lowest": number / 11,
        "highest": number / 3,
    }


def reading(number: int) -> dict[str, Any]:
    time = f"2026-01-02T{number // 36_000 % 24:02d}:{number // 600 % 60:02d}:{number // 10 % 60:02d}.{number % 10}00Z"
    return {
        "_collection_name": COLLECTION,
        "_id": f"sensors.bench-0-{number:09d}",
        "_position": f"sensors.bench-0-{number}",
        "_offset": number,
        "_event_time": time,
        "_received_at": time,
        "sensor_id": f"station-{number % 5_000:06d}",
        "timestamp": 1_767_323_046_000 + number,
        "value": number / 7,
        "unit": "ug/m3",
        "quality": "checked",
    }


def chunk(number: int) -> dict[str, Any]:
    """The last one of each document is missing, so that none is ever complete."""
    document = number // (CHUNKS_OF_A_DOCUMENT - 1)
    return {
        "chunk_id": f"8b9c2f1e-0000-5000-8000-{number:012d}",
        "document_id": f"8b9c2f1e-0000-5000-9000-{document:012d}",
        "company_id": "demo",
        "version": document,
        "content_sha256": "5e" * 8,
        "chunk_index": number % (CHUNKS_OF_A_DOCUMENT - 1),
        "chunk_count": CHUNKS_OF_A_DOCUMENT,
        "received_at": "2026-01-02T03:04:05.678Z",
        "chunker": "c1",
        "text": TEXT,
    }


@dataclass(frozen=True)
class Kind:
    """`key` is the field that is the record's key."""

    topic: Topic
    value: Callable[[int], dict[str, Any]]
    key: str

    def record(self, number: int) -> Outgoing:
        value = self.value(number)
        return Outgoing(
            self.topic.name, str(value[self.key]).encode(), json.dumps(value, separators=(",", ":")).encode()
        )


KINDS = {
    "metrics": Kind(PROCESSED_METRICS, metric, "sensor_id"),
    "readings": Kind(PROCESSED_READINGS, reading, "_id"),
    "chunks": Kind(CHUNKS_PROCESSED, chunk, "document_id"),
}
