"""From a real topic to files, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import Row, SparkSession

from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer
from shared.kafka.records import Acknowledged, Outgoing
from shared.topics import Topic
from streaming import archive
from streaming.archive import ArchivedTopic
from streaming.archive_reader import read
from tests.streaming.archive_world import Record, as_record
from tests.streaming.conftest import make_settings

pytestmark = pytest.mark.fleet

VALUES = [b'{"a": 1}', b"\xff\x00", b"", None] * 25


async def publish(kafka: Connection, topic: Topic, records: list[Outgoing]) -> Sequence[Acknowledged]:
    producer = KafkaProducer(kafka)
    try:
        return await producer.publish(records)
    finally:
        await producer.stop()


async def test_a_topic_is_archived_as_it_is(spark: SparkSession, kafka: Connection, tmp_path: Path) -> None:
    """Every record of every partition is in the archive with its bytes, headers, position and time, over a restart."""
    topic = Topic(f"archive-{uuid4().hex[:8]}", "key", 3, timedelta(days=1), log_append_time=True)
    async with KafkaAdmin(kafka) as admin:
        await admin.create(topic, 1)
    sent = [
        Outgoing(topic.name, f"key {number}".encode(), value, (("number", str(number).encode()),))
        for number, value in enumerate(VALUES)
    ]
    settings = make_settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        archive_url=str(tmp_path / "archive"),
        archive_trigger=timedelta(milliseconds=200),
        checkpoint_url=str(tmp_path / "checkpoints"),
    )
    places: list[Acknowledged] = []
    for half in (sent[:50], sent[50:]):
        places += await publish(kafka, topic, half)
        query = archive.start(spark, ArchivedTopic(topic, "parquet"), settings)
        query.processAllAvailable()
        query.stop()

    today = datetime.now(UTC).date()
    rows = read(spark, settings.archive_url, topic.name, today - timedelta(days=1), today).collect()

    assert {place_of(row): as_record(row) for row in rows} == {
        (place.partition.number, place.offset): Record(
            place.offset, record.value, time_of(place), record.key, tuple(record.headers), topic.name
        )
        for place, record in zip(places, sent, strict=True)
    }


def place_of(row: Row) -> tuple[int, int]:
    return row.partition, row.offset


def time_of(place: Acknowledged) -> str:
    moment = datetime.fromtimestamp(place.timestamp / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
