"""The loop's suite on the in-memory transport."""

from __future__ import annotations

import pytest

from shared.kafka.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from shared.kafka.records import Partition, Record
from shared.kafka.transport import Consumer, Producer
from shared.topics import Topic
from tests.suites.loop_suite import Bench, LoopSuite, topics


class InMemory:
    def __init__(self, *declared: Topic) -> None:
        self._broker = MemoryBroker({topic.name: topic.partitions for topic in declared})

    def producer(self) -> Producer:
        return MemoryProducer(self._broker)

    def consumer(self, group: str, topic: Topic) -> Consumer:
        return MemoryConsumer(self._broker, group, [topic.name])

    async def read(self, topic: Topic) -> list[Record]:
        return self._broker.read(topic.name)

    async def committed(self, group: str) -> dict[Partition, int]:
        return {partition: offset for (name, partition), offset in self._broker.committed.items() if name == group}


class TestLoopInMemory(LoopSuite):
    @pytest.fixture
    def bench(self) -> Bench:
        work, done = topics("memory")
        return Bench(InMemory(work, done, work.dlq), work, done, "group")
