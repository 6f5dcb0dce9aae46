"""What Kafka and MongoDB say of the topics and of those who read them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from compose.local.stored import Stores
from shared.contracts.topics import StoredLog
from shared.kafka.client import Connection, KafkaAdmin, offset_ranges, read_from
from shared.kafka.client.topic_watch import Look, TopicWatch
from shared.kafka.continuity import Mark
from shared.kafka.lag import GROUPS
from shared.kafka.records import Partition

Marks = Mapping[str, Mapping[Partition, Mark]]


@dataclass(frozen=True)
class Facts:
    """`kept` are the offsets that each partition holds; `marks` what each group has committed; `timestamps` those,
    in ms since 1970, of the records that stand now where a group had read one; `stored` is what MongoDB's `logs` says.
    """

    look: Look
    kept: Mapping[Partition, range]
    marks: Marks
    timestamps: Mapping[tuple[str, Partition], int]
    stored: Mapping[str, StoredLog]


async def ask(connection: Connection, stores: Stores, topics: Sequence[str]) -> Facts:
    """Raises Transient, and LocalStackError where MongoDB doesn't answer: only it knows what its contents came from."""
    stored = await asyncio.to_thread(stores.logs)
    look = await look_at(connection, topics)
    kept = await offset_ranges(connection, [topic for topic in topics if topic in look.identities])
    async with KafkaAdmin(connection) as admin:
        committed = {group: await admin.marks(group) for group in GROUPS}
    marks = {group: {p: mark for p, mark in found.items() if p in kept} for group, found in committed.items()}
    return Facts(look, kept, marks, await _timestamps(connection, kept, marks), stored)


async def look_at(connection: Connection, topics: Sequence[str]) -> Look:
    """Once. Raises Transient."""
    watch = TopicWatch(connection, topics)
    try:
        return await watch.look()
    finally:
        await watch.stop()


async def _timestamps(
    connection: Connection, kept: Mapping[Partition, range], marks: Marks
) -> dict[tuple[str, Partition], int]:
    found: dict[tuple[str, Partition], int] = {}
    for group, of_group in marks.items():
        lasts = {p: mark.last[0] for p, mark in of_group.items() if mark.last and mark.last[0] in kept[p]}
        ends = {partition: offset + 1 for partition, offset in lasts.items()}
        async with aclosing(read_from(connection, lasts, ends)) as batches:
            async for records in batches:
                found |= {(group, record.partition): record.timestamp for record in records}
    return found
