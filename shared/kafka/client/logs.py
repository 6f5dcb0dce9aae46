"""Looks whether the logs that a consumer group reads are still those that it has read."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import TopicAdopted
from shared.errors import LogBroken, Transient
from shared.kafka.client import adoption
from shared.kafka.client.connection import Connection, translated
from shared.kafka.client.identity import TopicIdentity, identities_by
from shared.kafka.client.reading import known_places, timestamps_at
from shared.kafka.continuity import ADVICE, Log, Mark, another_topic, broken, grown_again
from shared.kafka.progress import Log as StandingLog
from shared.kafka.records import Partition

CONFIRM_SECONDS = 2.0
"""A new leader may not know for a moment how far its followers have come: what looks lost is looked at twice."""


class Logs:
    """Of one group's topics, over the connections of one of its members."""

    def __init__(self, connection: Connection, group: str, topics: Collection[str]) -> None:
        self._connection = connection
        self._group = group
        self._topics = topics
        self._identities: dict[str, TopicIdentity] = {}
        self._adopted: dict[str, TopicAdopted] = {}

    @property
    def topic_ids(self) -> dict[str, str]:
        """As they were at the last look."""
        return {topic: identity.topic_id for topic, identity in self._identities.items()}

    def topic_id(self, topic: str) -> str | None:
        """As it was at the last look."""
        identity = self._identities.get(topic)
        return None if identity is None else identity.topic_id

    async def begin(self, client: AIOKafkaConsumer) -> tuple[dict[Partition, Mark], dict[Partition, StandingLog]]:
        """Of all partitions: what the group has committed, and what the broker has. Raises Transient."""
        places = await self._places(client)
        committed = await committed_marks(client, places)
        with translated():
            starts = await client.beginning_offsets(places)
        return committed, {Partition(*place): self._standing(place.topic, starts[place]) for place in places}

    def _standing(self, topic: str, start: int) -> StandingLog:
        adopted = self._adopted.get(topic)
        return StandingLog(self._identities[topic].topic_id, start, adopted.adopted_at if adopted else None)

    async def inspect(self, client: AIOKafkaConsumer, *, joining: bool) -> None:
        """A member that is `joining` takes a topic that was adopted; one that is there already has read another one.

        Raises LogBroken where records were lost, and Transient where the broker doesn't answer, or has no such topic
        yet.
        """
        now, told = await self._look(client, joining=joining)
        if told is not None:
            await asyncio.sleep(CONFIRM_SECONDS)
            now, told = await self._look(client, joining=joining)
        if told is not None:
            raise LogBroken(f"{told}: {ADVICE}")
        self._identities = now

    async def _look(self, client: AIOKafkaConsumer, *, joining: bool) -> tuple[dict[str, TopicIdentity], str | None]:
        now = await self._identify(client)
        if told := await self._of_topics(now, joining=joining):
            return now, told
        marks = await committed_marks(client, await self._places(client))
        kept = await _kept(client, marks)
        if told := self._of_offsets(now, marks, kept):
            return now, told
        doubtful = {partition: mark for partition, mark in marks.items() if self._may_have_been_cut(partition, now)}
        return now, await self._of_records(doubtful, kept)

    async def _identify(self, client: AIOKafkaConsumer) -> dict[str, TopicIdentity]:
        now = await identities_by(client._client, self._topics)  # noqa: SLF001 no public way
        if missing := sorted(set(self._topics) - now.keys()):
            raise Transient(f"kafka: topic `{missing[0]}` is not there: run `cauce topics apply`")
        return now

    async def _places(self, client: AIOKafkaConsumer) -> list[TopicPartition]:
        with translated():
            return [place for topic in self._topics for place in await known_places(client, topic)]

    async def _of_topics(self, now: Mapping[str, TopicIdentity], *, joining: bool) -> str | None:
        ids = {topic: identity.topic_id for topic, identity in now.items()}
        known = {topic: identity.topic_id for topic, identity in self._identities.items()}
        if joining:
            self._adopted = await adoption.adopted_topics(self._connection)
            known |= {topic: adopted.topic_id for topic, adopted in self._adopted.items()}
        changed = [topic for topic in ids if known.get(topic, ids[topic]) != ids[topic]]
        return another_topic(changed[0], self._group) if changed else None

    def _of_offsets(
        self, now: Mapping[str, TopicIdentity], marks: Mapping[Partition, Mark], kept: Mapping[Partition, range]
    ) -> str | None:
        for partition, mark in sorted(marks.items()):
            log = Log(now[partition.topic].topic_id, kept[partition].start, kept[partition].stop)
            if told := broken(self._group, partition, mark, log):
                return told
        return None

    def _may_have_been_cut(self, partition: Partition, now: Mapping[str, TopicIdentity]) -> bool:
        """A log loses its end only when a broker takes it over or comes back, which its leader epoch tells."""
        before = self._identities.get(partition.topic)
        return before is None or before.epochs.get(partition.number) != now[partition.topic].epochs.get(
            partition.number
        )

    async def _of_records(self, marks: Mapping[Partition, Mark], kept: Mapping[Partition, range]) -> str | None:
        lasts = {partition: mark.last[0] for partition, mark in marks.items() if mark.last is not None}
        found = await timestamps_at(self._connection, lasts, kept)
        told = (grown_again(self._group, partition, mark, found.get(partition)) for partition, mark in marks.items())
        return next(filter(None, told), None)


async def _kept(client: AIOKafkaConsumer, partitions: Iterable[Partition]) -> dict[Partition, range]:
    places = [TopicPartition(*partition) for partition in partitions]
    with translated():
        starts, ends = await client.beginning_offsets(places), await client.end_offsets(places)
    return {Partition(*place): range(starts[place], ends[place]) for place in places}


async def committed_marks(client: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> dict[Partition, Mark]:
    """Of those that the client's group has committed. Raises Transient."""
    coordinator: Any = client._coordinator  # noqa: SLF001 `committed` hides the metadata
    with translated():
        offsets = await coordinator.fetch_committed_offsets(places)
    return {
        Partition(*place): Mark.parse(committed.offset, committed.metadata)
        for place, committed in offsets.items()
        if committed.offset >= 0
    }
