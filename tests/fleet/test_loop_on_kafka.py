"""The loop's suite on a real broker."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.kafka.client import Connection, KafkaAdmin, KafkaConsumer, KafkaProducer, KafkaTail
from shared.kafka.records import Partition, Record
from shared.kafka.transport import Consumer, Producer
from shared.topics import Topic
from tests.suites.loop_suite import Bench, LoopSuite, topics

pytestmark = pytest.mark.fleet


class RealBroker:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def producer(self) -> Producer:
        return KafkaProducer(self._connection)

    def consumer(self, group: str, topic: Topic) -> Consumer:
        return KafkaConsumer(self._connection, group, [topic.name])

    async def read(self, topic: Topic) -> list[Record]:
        """Everything up to the present end, in the order of partitions and offsets."""
        tail = KafkaTail(self._connection, topic.name)
        await tail.start(since=0)
        try:
            ends = await tail.end_offsets()
            found: list[Record] = []
            async for records in tail.records():
                found += records
                if all(position >= ends[partition] for partition, position in (await tail.positions()).items()):
                    return sorted(found, key=lambda record: (record.partition, record.offset))
        finally:
            await tail.stop()
        return []

    async def committed(self, group: str) -> dict[Partition, int]:
        async with KafkaAdmin(self._connection) as admin:
            return await admin.committed(group)


class TestLoopOnKafka(LoopSuite):
    @pytest.fixture
    async def bench(self, kafka: Connection) -> Bench:
        work, done = topics(f"suite-{uuid4().hex[:8]}")
        async with KafkaAdmin(kafka) as admin:
            for topic in (work, done, work.dlq):
                await admin.create(topic, 1)
        return Bench(RealBroker(kafka), work, done, work.name)
