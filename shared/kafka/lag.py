"""How far each consumer group is behind, per topic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from shared.kafka.client import Connection, KafkaAdmin, offset_ranges
from shared.kafka.records import Partition

GROUPS = ("ingest", "docproc", "embedding", "db_writer.documents", "db_writer.metrics", "db_writer.readings")
_SECONDS = 10


@dataclass(frozen=True)
class Lag:
    """Records of `topic` that `group` has not finished: behind its last commit, so work under way counts too."""

    group: str
    topic: str
    records: int


async def read_lag(connection: Connection) -> list[Lag]:
    """Raises Transient or TimeoutError when the broker does not answer."""
    async with asyncio.timeout(_SECONDS):
        async with KafkaAdmin(connection) as admin:
            committed = {group: await admin.committed(group) for group in GROUPS}
        topics = sorted({partition.topic for offsets in committed.values() for partition in offsets})
        kept = await offset_ranges(connection, topics) if topics else {}
    return compute(committed, kept)


def compute(committed: Mapping[str, Mapping[Partition, int]], kept: Mapping[Partition, range]) -> list[Lag]:
    """A partition that a group has never committed counts whole, if the group has committed another of its topic."""
    return [
        Lag(group, topic, _behind(topic, offsets, kept))
        for group, offsets in committed.items()
        for topic in sorted({partition.topic for partition in offsets})
    ]


def _behind(topic: str, offsets: Mapping[Partition, int], kept: Mapping[Partition, range]) -> int:
    """What retention has removed meanwhile is nobody's work any more."""
    return sum(
        max(0, held.stop - max(held.start, offsets.get(partition, 0)))
        for partition, held in kept.items()
        if partition.topic == topic
    )
