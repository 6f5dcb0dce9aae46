"""Record batches of our own: aiokafka's `send` costs three times as much for each record as adding it to a batch."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import overload

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from shared.kafka.records import Acknowledged, Outgoing, Partition

Choose = Callable[[bytes | None], TopicPartition]
"""The partition for a key."""


class Outbox:
    """Sends through one client, in the order of the calls for each partition.

    Whatever is published to a partition while an earlier batch is on its way goes together in the next, up to the
    client's `max_batch_size`: a lone record doesn't wait, many small publishes make few requests.
    """

    def __init__(self, client: AIOKafkaProducer) -> None:
        self.client = client
        self._open: dict[TopicPartition, _Batch] = {}
        self._asked: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turns: defaultdict[TopicPartition, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Acknowledged]:
        """Raises aiokafka's errors. A cancelled call is still sent, since others' records may be in its batches."""
        choose = {topic: await self._chooser(topic) for topic in {record.topic for record in records}}
        now = int(time.time() * 1000)
        added = [self._add(choose[record.topic](record.key), record, now) for record in records]
        sendings = {batch.sending: None for batch, _ in added}
        if sendings:
            await asyncio.wait(sendings)
        for sending in sendings:
            sending.result()
        return _Acknowledgements(added, now)

    async def _chooser(self, topic: str) -> Choose:
        """By the hash that all clients share; those without a key go together to one partition that has a leader."""
        async with self._asked[topic]:  # the first has to wait for the answer, and nobody may overtake it
            count = len(await self.client.partitions_for(topic))
        places = [TopicPartition(topic, number) for number in range(count)]
        led = [*self.client.client.cluster.available_partitions_for_topic(topic)] or range(count)
        anywhere = TopicPartition(topic, random.choice(led))  # noqa: S311 any will do
        return lambda key: anywhere if key is None else places[partition_of_key(key, count)]

    def _add(self, place: TopicPartition, record: Outgoing, now: int) -> tuple[_Batch, int]:
        batch = self._open.get(place)
        if batch is None or not batch.add(record, now):
            batch = self._open[place] = _Batch(self.client.create_batch())
            batch.add(record, now)
            batch.sending = asyncio.create_task(self._deliver(place, batch))
            batch.sending.add_done_callback(_look_at)
        return batch, batch.builder.record_count() - 1

    async def _deliver(self, place: TopicPartition, batch: _Batch) -> None:
        async with self._turns[place]:
            try:
                delivered = await self.client.send_batch(batch.builder, place.topic, partition=place.partition)
            finally:
                if self._open.get(place) is batch:
                    del self._open[place]  # at once: the client counts its records before it sends them
        first = await delivered
        batch.written(first, self.client.client.cluster.leader_for_partition(place))


class _Acknowledgements(Sequence[Acknowledged]):
    """Worked out when somebody looks: a consume loop publishes thousands at a time and never does."""

    def __init__(self, added: list[tuple[_Batch, int]], now: int) -> None:
        self._added = added
        self._now = now

    def __len__(self) -> int:
        return len(self._added)

    @overload
    def __getitem__(self, index: int) -> Acknowledged: ...
    @overload
    def __getitem__(self, index: slice) -> _Acknowledgements: ...
    def __getitem__(self, index: int | slice) -> Acknowledged | _Acknowledgements:
        if isinstance(index, slice):
            return _Acknowledgements(self._added[index], self._now)
        batch, place = self._added[index]
        return batch.acknowledged(place, self._now)


class _Batch:
    """Open until the client has it; `sending` ends when all in-sync replicas have it."""

    sending: asyncio.Task[None]

    def __init__(self, builder: BatchBuilder) -> None:
        self.builder = builder

    def add(self, record: Outgoing, now: int) -> bool:
        """False where there is no room; a first record finds room whatever its size."""
        headers = list(record.headers)
        return self.builder.append(timestamp=now, key=record.key, value=record.value, headers=headers) is not None

    def written(self, first: RecordMetadata, leader: int | None) -> None:
        """The broker says its own time where the topic wants that, else -1."""
        self._partition = Partition(first.topic, first.partition)
        self._offset = first.offset
        self._appended = None if first.timestamp == -1 else first.timestamp
        self._broker = None if self._appended is None else leader

    def acknowledged(self, index: int, now: int) -> Acknowledged:
        time = now if self._appended is None else self._appended
        return Acknowledged(self._partition, self._offset + index, time, self._broker)


def _look_at(sending: asyncio.Task[None]) -> None:
    """Whoever waited may have given up: a failure that nobody hears of is no bug."""
    if not sending.cancelled():
        sending.exception()


@lru_cache(maxsize=16_384)
def partition_of_key(key: bytes, count: int) -> int:
    """The number of the partition that Kafka's own clients choose for a key, of `count`."""
    return (int(murmur2(key)) & 0x7FFFFFFF) % count
