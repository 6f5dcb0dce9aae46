"""Which topics are there, which are in force, and where they end: asked now and then, over one client."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from shared.contracts.topics import TopicAdopted
from shared.errors import Transient
from shared.kafka.client.adoption import adopted_topics
from shared.kafka.client.connection import Connection, start_client, stop_client, translated
from shared.kafka.client.identity import TopicIdentity, identities_by
from shared.kafka.client.reading import known_places
from shared.kafka.records import Partition
from shared.topics import TOPICS_CONTROL

LOOK_DEADLINE = 10.0
_CONTROL = Partition(TOPICS_CONTROL.name, 0)


@dataclass(frozen=True, slots=True)
class Look:
    """`identities` are of the topics that are there, `adopted` is what `topics.control` says, of all topics; `ends` has
    the offset after the last record of each partition."""

    identities: Mapping[str, TopicIdentity]
    adopted: Mapping[str, TopicAdopted]
    ends: Mapping[Partition, int]

    def topic_id(self, topic: str) -> str | None:
        """None where it isn't there."""
        identity = self.identities.get(topic)
        return None if identity is None else identity.topic_id

    def ends_of(self, topic: str) -> dict[int, int]:
        """By number of the partition."""
        return {partition.number: end for partition, end in self.ends.items() if partition.topic == topic}


class TopicWatch:
    """Not safe for concurrent use."""

    def __init__(self, connection: Connection, topics: Collection[str]) -> None:
        self._connection = connection
        self._topics = topics
        self._client: AIOKafkaConsumer | None = None
        self._adopted: dict[str, TopicAdopted] = {}
        self._control: tuple[str, int] | None = None

    async def look(self) -> Look:
        """As it is now. Raises Transient."""
        try:
            async with asyncio.timeout(LOOK_DEADLINE):
                return await self._look()
        except TimeoutError:
            await self.stop()
            raise Transient(f"kafka: no answer within {LOOK_DEADLINE:g} s about the topics") from None
        except Transient:
            await self.stop()
            raise

    async def _look(self) -> Look:
        client = await self._started()
        found = await identities_by(client._client, [*self._topics, TOPICS_CONTROL.name])  # noqa: SLF001 no public way
        with translated():
            places = [place for topic in found for place in await known_places(client, topic)]
            ends = {Partition(*place): end for place, end in (await client.end_offsets(places)).items()}
        known = {Partition(topic, number) for topic, identity in found.items() for number in identity.epochs}
        if unknown := known - ends.keys():
            raise Transient(f"kafka: where `{min(unknown).topic}` ends is not known yet")
        await self._read_control(found, ends)
        return Look(found, self._adopted, ends)

    async def _started(self) -> AIOKafkaConsumer:
        if self._client is None:
            client = AIOKafkaConsumer(
                bootstrap_servers=self._connection.bootstrap_servers, client_id=self._connection.client_id
            )
            await start_client(client)
            self._client = client
        return self._client

    async def _read_control(self, found: Mapping[str, TopicIdentity], ends: Mapping[Partition, int]) -> None:
        """Only when it has changed."""
        identity = found.get(TOPICS_CONTROL.name)
        control = None if identity is None else (identity.topic_id, ends.get(_CONTROL, 0))
        if control != self._control:
            self._adopted = await adopted_topics(self._connection)
            self._control = control

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await stop_client(client)
