"""Puts declarations in force: reads `streams.control`, decides, writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.contracts.streams import StreamApplied
from shared.contracts.topics import TopicAdopted
from shared.errors import Fatal
from shared.kafka import declare
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, offset_ranges, read_from
from shared.kafka.client.adoption import adopted_topics, put_adopted
from shared.kafka.client.identity import identities
from shared.kafka.declare import Action, Step
from shared.kafka.records import Emit, encode
from shared.streams.control import fold, to_apply, to_reset
from shared.streams.declaration import Stream
from shared.streams.floor import floor
from shared.streams.topics import all_topics
from shared.topics import STREAMS_CONTROL

SOURCE = "cauce"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done about each topic, and the declarations that were not in force before."""

    steps: Sequence[Step]
    records: Sequence[StreamApplied]
    unadopted: Sequence[str] = ()
    """Topics that are others than those in force: `cauce topics adopt` shows what that means."""


async def apply(connection: Connection, streams: Sequence[Stream], replication_factor: int) -> Applied:
    """Makes the topics what is declared, and puts the declarations in force; repeating it does nothing.

    Raises Fatal, before anything is changed, where a topic or a declaration can't take the place of what is there.
    """
    records = to_apply(streams, await in_force(connection))
    async with KafkaAdmin(connection) as admin:
        steps = await declare.apply(admin, all_topics(streams), replication_factor)
    unadopted = await _record_topics(connection, steps)
    if records:
        await put_in_force(connection, records)
    return Applied(steps, records, unadopted)


async def _record_topics(connection: Connection, steps: Sequence[Step]) -> list[str]:
    """Puts those in force that nobody has heard of; returns the names of those that are others than those in force.
    A topic that had to be created although one is in force was lost: that is for a person to see."""
    now = datetime.now(UTC)
    known = await adopted_topics(connection)
    found = await identities(connection, [step.topic.name for step in steps])
    new = [
        TopicAdopted(
            topic=step.topic.name,
            topic_id=found[step.topic.name].topic_id,
            since=now if step.action is Action.CREATE else None,
            adopted_at=now,
        )
        for step in steps
        if step.topic.name not in known
    ]
    if new:
        await put_adopted(connection, new, SOURCE)
    return [name for name, identity in found.items() if name in known and known[name].topic_id != identity.topic_id]


async def in_force(connection: Connection) -> dict[str, StreamApplied]:
    """By stream; none where the topic is not there yet. Raises Transient."""
    kept = await offset_ranges(connection, [STREAMS_CONTROL.name])
    applied: dict[str, StreamApplied] = {}
    starts = {partition: held.start for partition, held in kept.items()}
    async for batch in read_from(connection, starts, {partition: held.stop for partition, held in kept.items()}):
        applied = fold(batch, applied)
    return applied


async def put_in_force(connection: Connection, records: Sequence[StreamApplied]) -> None:
    """Returns once all in-sync replicas know. Raises Transient."""
    producer = KafkaProducer(connection)
    try:
        await producer.publish(encode([Emit(STREAMS_CONTROL, record) for record in records], SOURCE))
    finally:
        await producer.stop()


async def reset(connection: Connection, streams: Sequence[Stream], name: str, reason: str | None) -> StreamApplied:
    """Begins the next epoch of one stream. Raises Fatal for a name or a change that can't be reset, and Transient."""
    stream = next((stream for stream in streams if stream.name == name), None)
    if stream is None:
        raise Fatal(f"no stream is called `{name}`: there are {', '.join(stream.name for stream in streams) or 'none'}")
    record = to_reset(stream, await in_force(connection), reason, await floor(connection, stream))
    await put_in_force(connection, [record])
    return record
