"""A consumer on a real broker whose log isn't the one that its group has read."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import OffsetAndMetadata

from shared.errors import LogBroken, Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaConsumer, KafkaProducer
from shared.kafka.client.identity import identities
from shared.kafka.continuity import Mark
from shared.kafka.progress import Bookmark, Progress
from shared.kafka.records import Acknowledged, Outgoing, Partition
from shared.topics import Topic
from tests.adopting import adopt, make_anew
from tests.suites.loop_suite import Store, topics
from tests.waiting import until

pytestmark = pytest.mark.fleet


class Bench:
    """A topic with five records of one key, of which a group has read the first four."""

    def __init__(self, kafka: Connection) -> None:
        self.kafka = kafka
        self.topic, _ = topics(f"broken-{uuid4().hex[:8]}")
        self.group = self.topic.name

    async def begin(self) -> None:
        async with KafkaAdmin(self.kafka) as admin:
            await admin.create(self.topic, 1)
        self.written = await self.send(5)
        async with self.member() as member:
            await until(lambda: self._read(member, 5))
            await member.commit({self.partition: 4})

    @property
    def partition(self) -> Partition:
        return self.written[0].partition

    async def send(self, count: int, value: bytes = b"{}") -> list[Acknowledged]:
        producer = KafkaProducer(self.kafka)
        try:
            return [*await producer.publish([Outgoing(self.topic.name, b"k", value)] * count)]
        finally:
            await producer.stop()

    async def _read(self, member: KafkaConsumer, count: int) -> bool:
        return len(await member.fetch(max(1, count), 0.5)) == count

    @asynccontextmanager
    async def member(self, progress: Progress | None = None) -> AsyncIterator[KafkaConsumer]:
        consumer = KafkaConsumer(self.kafka, self.group, [self.topic.name], progress=progress)
        await consumer.start(_ignore, lambda _: None)
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def mark(self) -> Mark:
        async with self._client() as client:
            coordinator: Any = client._coordinator
            committed = await coordinator.fetch_committed_offsets([TopicPartition(*self.partition)])
        (found,) = committed.values()
        return Mark.parse(found.offset, found.metadata)

    async def commit(self, mark: Mark) -> None:
        """As a member would that had read so far."""
        async with self._client() as client:
            client.assign([TopicPartition(*self.partition)])
            await client.commit({TopicPartition(*self.partition): OffsetAndMetadata(mark.offset, mark.metadata)})

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AIOKafkaConsumer]:
        client = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers, group_id=self.group, enable_auto_commit=False
        )
        await client.start()
        try:
            yield client
        finally:
            await client.stop()


async def _ignore(_: frozenset[Partition]) -> None:
    pass


@pytest.fixture
async def bench(kafka: Connection) -> Bench:
    bench = Bench(kafka)
    await bench.begin()
    return bench


async def test_a_commit_says_what_was_read(bench: Bench) -> None:
    """The topic's id, and the offset and timestamp of the last record below the offset."""
    topic_id = (await identities(bench.kafka, [bench.topic.name]))[bench.topic.name].topic_id
    assert await bench.mark() == Mark(4, topic_id, (3, bench.written[3].timestamp))


async def test_a_member_goes_on_where_nothing_is_lost(bench: Bench) -> None:
    """With the records from the committed offset on."""
    async with bench.member() as member:
        await until(lambda: bench._read(member, 1))


async def cut(bench: Bench) -> str:
    """The log's end is lost: to the broker that is a group which has read further than there is."""
    await bench.commit(Mark(9, (await bench.mark()).topic_id, (8, 1)))
    return "ends at 5, but"


async def grown(bench: Bench) -> str:
    mark = await bench.mark()
    assert mark.last is not None
    await bench.commit(Mark(4, mark.topic_id, (3, mark.last[1] - 1)))
    return "another record at 3"


async def removed(bench: Bench) -> str:
    await bench.commit(Mark(1, (await bench.mark()).topic_id))
    await delete_below(bench, 3)
    return "2 records were removed unread"


async def anew(bench: Bench) -> str:
    """The group's offsets went with the topic; another tool has set one."""
    mark = await bench.mark()
    await make_anew(bench.kafka, bench.topic)
    await bench.send(5)
    await bench.commit(mark)
    return "another topic"


@pytest.mark.parametrize("fault", [cut, grown, removed, anew])
async def test_nobody_joins_a_group_whose_log_is_broken(bench: Bench, fault: Callable[[Bench], Awaitable[str]]) -> None:
    """Nothing is skipped or repeated in silence: the start says what is lost, and names the command that goes on."""
    expected = await fault(bench)
    with pytest.raises(LogBroken, match=rf"{expected}.*cauce topics adopt"):
        async with bench.member():
            pass


async def test_a_store_that_lacks_records_which_are_gone_is_said(bench: Bench) -> None:
    """A backup was put back, and retention has removed what was written after it: nobody joins before a person has
    adopted the topic; then the rest is read."""
    store = Store()
    store.bookmarks = {bench.partition: Bookmark(1, (await bench.mark()).topic_id or "", datetime.now(UTC))}
    await delete_below(bench, 3)
    with pytest.raises(LogBroken, match=r"begins at 3, but the store .* was put back to 1: 2 records.*topics adopt"):
        async with bench.member(store):
            pass
    await adopt(bench.kafka, bench.topic)
    async with bench.member(store) as member:
        await until(lambda: bench._read(member, 2))


async def test_a_topic_that_is_made_anew_while_a_member_reads_is_missed(bench: Bench) -> None:
    """Its partitions are taken from it, and what it has then would look like a member with nothing to do."""
    async with bench.member() as member:
        await until(lambda: bench._read(member, 1))
        await member.inspect()
        await make_anew(bench.kafka, bench.topic)
        with pytest.raises(LogBroken, match=r"another topic.*cauce topics adopt"):
            await member.inspect()


async def test_records_that_go_while_a_member_reads_are_missed(bench: Bench) -> None:
    """A member that comes to a place where nothing is any more says so, instead of going on elsewhere without a word.
    The records are so many that it can't have read all of them ahead."""
    async with bench.member() as member:
        await until(lambda: bench._read(member, 1))
        await bench.send(10, random.Random(1).randbytes(900_000))
        await until(lambda: bench._read(member, 1))
        await delete_below(bench, 14)
        with pytest.raises(LogBroken, match=r"begins at 14.*cauce topics adopt"):
            await until(lambda: bench._read(member, 20))


async def delete_below(bench: Bench, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(*bench.partition): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def test_a_topic_that_is_not_there_is_waited_for(kafka: Connection) -> None:
    """Without partitions a member would seem to be ready and read nothing."""
    topic = Topic("never-made", "id", 1, topics("x")[0].retention)
    consumer = KafkaConsumer(kafka, "never-made", [topic.name])
    with pytest.raises(Exception, match="`never-made` is not there: run `cauce topics apply`"):
        await consumer.start(_ignore, lambda _: None)


async def test_a_static_member_that_was_overlooked_says_so(kafka: Connection) -> None:
    """One that was assigned nothing while its topic was away has nothing when it comes back under its name, however
    many partitions there are by then; once it gives its place up the group shares them out anew."""
    topic, _ = topics(f"overlooked-{uuid4().hex[:8]}")
    async with KafkaAdmin(kafka) as admin:
        await admin.create(topic, 1)
    assigned: list[frozenset[Partition]] = []
    member = KafkaConsumer(kafka, topic.name, [topic.name], instance="one")
    await member.start(_ignore, assigned.append)
    try:
        await make_anew(kafka, topic)
        await until(lambda: assigned[-1] == frozenset())
        await member.stop()
        again = KafkaConsumer(kafka, topic.name, [topic.name], instance="one")
        await again.start(_ignore, assigned.append)
        with pytest.raises(Transient, match="1 members for 3 partitions, and this one was given none"):
            await again.inspect()
    finally:
        await again.stop(give_up_place=True)
    member = KafkaConsumer(kafka, topic.name, [topic.name], instance="one")
    await member.start(_ignore, assigned.append)
    await member.stop(give_up_place=True)
    assert len(assigned[-1]) == topic.partitions
