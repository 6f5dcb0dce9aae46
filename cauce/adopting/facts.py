"""What Kafka and MongoDB say of the topics and of those who read them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compose.local.stored import Stores
from shared.contracts.topics import StoredLog
from shared.kafka.client import Connection, KafkaAdmin, offset_ranges, timestamps_at
from shared.kafka.client.topic_watch import Look, TopicWatch
from shared.kafka.continuity import Mark
from shared.kafka.lag import GROUPS
from shared.kafka.records import Partition
from shared.streams.applying import in_force
from shared.streams.declaration import Stream
from shared.streams.plan import marks_group, query_plans
from shared.streams.topics import all_topics

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


async def ask(connection: Connection, stores: Stores, streams: Sequence[Stream]) -> Facts:
    """Of all declared topics. Raises Transient, and LocalStackError where MongoDB doesn't answer: only it knows what
    its contents came from."""
    topics = [topic.name for topic in all_topics(streams)]
    stored = await asyncio.to_thread(stores.logs)
    look = await look_at(connection, topics)
    kept = await offset_ranges(connection, [topic for topic in topics if topic in look.identities])
    async with KafkaAdmin(connection) as admin:
        committed = {group: await admin.marks(group) for group in await _groups(connection, streams)}
    marks = {group: {p: mark for p, mark in found.items() if p in kept} for group, found in committed.items()}
    return Facts(look, kept, marks, await _timestamps(connection, kept, marks), stored)


async def _groups(connection: Connection, streams: Sequence[Stream]) -> list[str]:
    """Those of the services, and those in which Spark's queries leave marks under the epoch in force."""
    epochs = {name: applied.epoch for name, applied in (await in_force(connection)).items()}
    plans = [plan for stream in streams if stream.name in epochs for plan in query_plans(stream)]
    return [*GROUPS, *(marks_group(plan, epochs[plan.stream.name]) for plan in plans)]


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
        lasts = {partition: mark.last[0] for partition, mark in of_group.items() if mark.last}
        times = await timestamps_at(connection, lasts, kept)
        found |= {(group, partition): time for partition, time in times.items()}
    return found
