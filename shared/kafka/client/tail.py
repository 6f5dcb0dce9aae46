"""Following a topic without a group."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.errors import Transient
from shared.kafka.client.connection import Connection, records_of, start_client, stop_client, translated
from shared.kafka.client.identity import TopicIdentity, identities_by
from shared.kafka.records import Partition, Record


class KafkaTail:
    """Reads whole topics without a group, from some time ago to their end and on; commits nothing."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic

    async def start(self, since: float) -> None:
        """`since` in seconds since 1970: records older than that are left out. Raises Transient."""
        self._client, self._asking = self._build(), self._build()
        await start_client(self._client)
        await start_client(self._asking)
        self._identity = await self._identify()
        with translated():
            self._places = [TopicPartition(self._topic, number) for number in await self._numbers()]
            self._client.assign(self._places)
            ends = await self._client.end_offsets(self._places)
            found = await self._client.offsets_for_times(dict.fromkeys(self._places, int(since * 1000)))
            for place in self._places:
                self._client.seek(place, found[place].offset if found[place] else ends[place])

    def _build(self) -> AIOKafkaConsumer:
        """One reads; another asks for the end, since a question waits behind a fetch that waits for records."""
        return AIOKafkaConsumer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            enable_auto_commit=False,
            auto_offset_reset="none",  # where its place is gone, it is to be started again
            isolation_level="read_committed",
        )

    async def _identify(self) -> TopicIdentity:
        found = await identities_by(self._asking._client, [self._topic])  # noqa: SLF001 no public way
        if self._topic not in found:
            raise self._missing()
        return found[self._topic]

    def _missing(self) -> Transient:
        return Transient(f"kafka: topic `{self._topic}` is not there: run `cauce topics apply`")

    async def _numbers(self) -> list[int]:
        for client in (self._client, self._asking):
            await client._client.add_topic(self._topic)  # noqa: SLF001 no public way to learn a topic without subscribing
        numbers = self._client.partitions_for_topic(self._topic)
        if not numbers:
            raise self._missing()
        return sorted(numbers)

    async def records(self) -> AsyncIterator[list[Record]]:
        """Batches as they come, without end. Raises Transient."""
        while True:
            with translated():
                batches = await self._client.getmany(timeout_ms=1_000)
            yield records_of(batches)

    async def end_offsets(self) -> dict[Partition, int]:
        """The offset after the last record of each partition, asked of the broker now. Raises Transient."""
        with translated():
            ends = await self._asking.end_offsets(self._places)
        return {Partition(place.topic, place.partition): offset for place, offset in ends.items()}

    async def positions(self) -> dict[Partition, int]:
        """The offset of the next record to be handed out, of each partition."""
        places = self._client.assignment()
        return {Partition(place.topic, place.partition): await self._client.position(place) for place in places}

    async def check(self) -> None:
        """Raises Transient where the topic was made anew, or may have lost its end, since it was started: another
        leader may know less than the one before. What was read then is to be read again."""
        if await self._identify() != self._identity:
            raise Transient(f"kafka: `{self._topic}` was made anew, or has another leader: it is read again")
        ends = await self.end_offsets()
        if cut := [place for place, position in (await self.positions()).items() if position > ends[place]]:
            raise Transient(f"kafka: {self._topic}-{cut[0].number} has lost its end: it is read again")

    async def stop(self) -> None:
        await stop_client(self._client)
        await stop_client(self._asking)
