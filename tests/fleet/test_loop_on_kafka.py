"""The loop's suite on a real broker."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.kafka.client import Connection, KafkaAdmin, KafkaConsumer, KafkaProducer, KafkaTail
from shared.kafka.progress import Progress
from shared.kafka.records import Outgoing, Partition, Record
from shared.kafka.transport import Consumer, Producer
from shared.topics import Topic
from tests.adopting import adopt, make_anew
from tests.suites.loop_suite import Bench, LoopSuite, topics
from tests.waiting import until

pytestmark = pytest.mark.fleet


class RealBroker:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def producer(self) -> Producer:
        return KafkaProducer(self._connection)

    def consumer(self, group: str, topic: Topic, progress: Progress | None = None) -> Consumer:
        return KafkaConsumer(self._connection, group, [topic.name], progress=progress)

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

    async def break_log(self, topic: Topic, group: str) -> None:
        await make_anew(self._connection, topic)

    async def mend_log(self, topic: Topic, group: str) -> None:
        await adopt(self._connection, topic)


class TestLoopOnKafka(LoopSuite):
    @pytest.fixture
    async def bench(self, kafka: Connection) -> Bench:
        work, done = topics(f"suite-{uuid4().hex[:8]}")
        async with KafkaAdmin(kafka) as admin:
            for topic in (work, done, work.dlq):
                await admin.create(topic, 1)
        return Bench(RealBroker(kafka), work, done, work.name)


class Member:
    """One member of a group, and what it was assigned, time after time."""

    def __init__(self, connection: Connection, topic: Topic, instance: str) -> None:
        self.assigned: list[frozenset[Partition]] = []
        self.consumer = KafkaConsumer(connection, topic.name, [topic.name], instance=instance)

    @property
    def has(self) -> frozenset[Partition]:
        return self.assigned[-1] if self.assigned else frozenset()

    async def start(self) -> None:
        await self.consumer.start(self._revoked, self.assigned.append)

    async def _revoked(self, partitions: frozenset[Partition]) -> None:
        pass


async def test_the_restart_of_a_static_member_moves_nothing(kafka: Connection) -> None:
    """A member with a name of its own has its partitions again when it is back, and the others keep theirs."""
    work, _ = topics(f"static-{uuid4().hex[:8]}")
    async with KafkaAdmin(kafka) as admin:
        await admin.create(work, 1)
    one, other = Member(kafka, work, "one"), Member(kafka, work, "other")
    await one.start()
    await other.start()
    await until(lambda: one.has.isdisjoint(other.has) and len(one.has | other.has) == 3)
    before, rebalances = one.has, len(other.assigned)
    await one.consumer.stop()
    again = Member(kafka, work, "one")
    await again.start()
    try:
        await until(lambda: bool(again.assigned))
        assert again.assigned == [before]
        assert len(other.assigned) == rebalances
    finally:
        await again.consumer.stop()
        await other.consumer.stop()


async def test_what_is_unread_is_known(kafka: Connection) -> None:
    """A consumer tells which partitions have more than it has fetched, and from which offset on."""
    work, _ = topics(f"unread-{uuid4().hex[:8]}")
    async with KafkaAdmin(kafka) as admin:
        await admin.create(work, 1)
    producer = KafkaProducer(kafka)
    (written,) = await producer.publish([Outgoing(work.name, b"k", b"{}")])
    member = Member(kafka, work, "one")
    await member.start()
    try:
        await until(lambda: bool(member.assigned))
        assert await member.consumer.unread() == {written.partition: 0}
        await until(lambda: has_read(member))
        assert await member.consumer.unread() == {}
    finally:
        await member.consumer.stop()
        await producer.stop()


async def test_a_member_that_reads_nothing_can_say_that_it_is_there(kafka: Connection) -> None:
    """It is asked for no record then, and loses none that its client has read ahead."""
    work, _ = topics(f"alive-{uuid4().hex[:8]}")
    async with KafkaAdmin(kafka) as admin:
        await admin.create(work, 1)
    producer = KafkaProducer(kafka)
    (written,) = await producer.publish([Outgoing(work.name, b"k", b"{}")])
    member = Member(kafka, work, "one")
    await member.start()
    try:
        await until(lambda: bool(member.assigned))
        await member.consumer.keep_alive()
        assert await member.consumer.unread() == {written.partition: 0}
        await until(lambda: has_read(member))
    finally:
        await member.consumer.stop()
        await producer.stop()


async def has_read(member: Member) -> bool:
    return bool(await member.consumer.fetch(10, 0.5))
