"""A member of a consumer group."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition, errors
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.structs import OffsetAndMetadata

from shared.errors import LogBroken, Transient
from shared.kafka.client.admin import KafkaAdmin
from shared.kafka.client.connection import Connection, records_of, start_client, stop_client, translated
from shared.kafka.client.logs import Logs, committed_marks
from shared.kafka.client.read_marks import ReadMarks
from shared.kafka.continuity import ADVICE, Mark
from shared.kafka.progress import Follower, Progress
from shared.kafka.records import Partition, Record
from shared.kafka.transport import OnAssigned, OnRevoked

log = structlog.get_logger()

COMMIT_DEADLINE = 10.0
INSPECT_DEADLINE = 30.0
METADATA_MS = 30_000
"""How soon a topic that was made anew is seen; aiokafka would take five minutes."""
_NOWHERE = TopicPartition("", 0)
ANSWER_DEADLINE = 10.0
SESSION_MS = 10_000
STATIC_SESSION_MS = 20_000
"""A static member doesn't say goodbye: within this time it is back, or its partitions go to others."""


class KafkaConsumer:
    """A member of a consumer group that commits only what it is told to. Implements `transport.Consumer`."""

    def __init__(
        self,
        connection: Connection,
        group: str,
        topics: Sequence[str],
        *,
        drain: float = 20.0,
        instance: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`drain` in seconds: how long the group waits for a member when partitions are handed over. `instance` is the
        name of a place in the group that outlives the process: a static member, whose restart moves no partition. No
        two processes may have the same at a time. `progress` is that of the store that the records end in: no partition
        is begun after what it knows."""
        self._connection = connection
        self._group_id = group
        self._topics = topics
        self._drain = drain
        self._instance = instance
        self._logs = Logs(connection, group, topics)
        self._follower = None if progress is None else Follower(progress, connection.client_id, group)
        self._to_begin: set[TopicPartition] = set()
        self._beginning = asyncio.Lock()

    async def start(self, on_revoked: OnRevoked, on_assigned: OnAssigned) -> None:
        """The logs are looked at before the group is joined: while something is wrong with them nobody shall wait for
        this member, and an empty group's offsets can be set."""
        self._client, self._read, self._to_begin = self._build(), ReadMarks(), set()
        await start_client(self._client)
        try:
            await self._logs.inspect(self._client, joining=True)
            if self._follower is not None:
                await self._follower.begin(*await self._logs.begin(self._client))
            self._client.subscribe(list(self._topics), listener=_Listener(self, on_revoked, on_assigned))
            await self._client._subscription.wait_for_assignment()  # noqa: SLF001 what `start` does after `subscribe`
        except BaseException:
            await stop_client(self._client)
            raise

    async def inspect(self) -> None:
        try:
            async with asyncio.timeout(INSPECT_DEADLINE):
                await self._logs.inspect(self._client, joining=False)
                await self._check_that_there_is_work()
        except TimeoutError:
            raise Transient(f"kafka: no answer within {INSPECT_DEADLINE:g} s about the topics") from None
        if self._follower is not None:
            await self._follower.check(_partitions(self._client.assignment() - self._to_begin))

    async def _check_that_there_is_work(self) -> None:
        """A member without partitions is one too many, or was overlooked: the group's leader may not have known the
        topic when it shared out the partitions. Raises Transient."""
        if self._client.assignment():
            return
        partitions = sum(len(self._client.partitions_for_topic(topic) or ()) for topic in self._topics)
        async with KafkaAdmin(self._connection) as admin:
            members = await admin.members(self._group_id)
        if members <= partitions:
            told = f"{members} members for {partitions} partitions, and this one was given none"
            raise Transient(f"kafka: `{self._group_id}` has {told}")

    def hold(self, places: Collection[TopicPartition]) -> None:
        """Until `begin` knows where these are to be begun nothing of them is handed out: to go back afterwards would be
        too late."""
        if self._follower is not None:
            self._client.pause(*places)
            self._to_begin = set(places)

    async def begin(self, places: Collection[TopicPartition]) -> None:
        """Where the group has committed nothing yet, it begins with the first record kept; where the store has less
        than the group has committed, after what the store has. Raises Transient, and LogBroken."""
        async with self._beginning:
            held = self._to_begin
            if self._follower is not None and held:
                await self._go_back_to_the_store(self._follower)
            await self._begin_fresh(places)
            if held and self._to_begin is held:  # else they were assigned anew meanwhile, and are begun once more
                self._client.resume(*held & self._client.assignment())
                self._to_begin = set()

    async def _go_back_to_the_store(self, follower: Follower) -> None:
        committed, logs = await self._logs.begin(self._client)
        begins = await follower.begin(committed, logs)
        mine = _partitions(self._to_begin & self._client.assignment())
        follower.tell(committed, {partition: begin for partition, begin in begins.items() if partition in mine})
        for partition in mine & begins.keys():
            self._client.seek(TopicPartition(*partition), begins[partition])

    async def _begin_fresh(self, places: Collection[TopicPartition]) -> None:
        committed = await committed_marks(self._client, list(places))
        fresh = {place for place in places if Partition(*place) not in committed}
        if fresh := {place for place in fresh & self._client.assignment() if not self._has_position(place)}:
            with translated():
                await self._client.seek_to_beginning(*fresh)

    def _has_position(self, place: TopicPartition) -> bool:
        assignment = self._client._subscription.subscription.assignment  # noqa: SLF001 `position` would wait for one
        return bool(assignment.state_value(place).has_valid_position)

    def _build(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            group_id=self._group_id,
            enable_auto_commit=False,
            auto_offset_reset="none",  # it would skip or repeat without a word where an offset isn't there any more
            isolation_level="read_committed",
            group_instance_id=self._instance,
            session_timeout_ms=STATIC_SESSION_MS if self._instance else SESSION_MS,
            heartbeat_interval_ms=2_000,
            rebalance_timeout_ms=int(self._drain * 1000) + 20_000,
            max_poll_interval_ms=120_000,
            metadata_max_age_ms=METADATA_MS,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            partition_assignment_strategy=(_own_assignor(),),
        )

    async def fetch(self, max_records: int, wait: float) -> list[Record]:
        if self._to_begin:
            await self.begin(self._to_begin)
        try:
            with translated(), _out_of_place():
                batches = await self._client.getmany(timeout_ms=int(wait * 1000), max_records=max_records)
        except _NoOffset as error:
            await self.begin(error.places)
            return []
        except _OutOfRange as error:
            await self.inspect()
            raise LogBroken(f"{error}: {ADVICE}") from error
        records = records_of(batches)
        self._read.read(records)
        return records

    async def unread(self) -> dict[Partition, int]:
        places = self._client.assignment()
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                with translated():
                    ends = await self._client.end_offsets(list(places))
                    fetched = {place: await self._client.position(place) for place in places}
        except TimeoutError:
            raise Transient(f"kafka: no answer within {ANSWER_DEADLINE:g} s about the ends of partitions") from None
        return {
            Partition(place.topic, place.partition): position
            for place, position in fetched.items()
            if position < ends[place]
        }

    async def keep_alive(self) -> None:
        """Kafka's client counts the time since somebody asked it for records; here it is asked for those of a partition
        that nobody has. Its own `pause` would throw away what it has read ahead, up to 4 MiB of each partition."""
        with translated():
            await self._client.getmany(_NOWHERE)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        if self._follower is not None:
            await self._follower.save(offsets, self._logs.topic_ids)
        marks = {
            TopicPartition(*partition): OffsetAndMetadata(offset, self._mark(partition, offset).metadata)
            for partition, offset in offsets.items()
        }
        try:
            async with asyncio.timeout(COMMIT_DEADLINE):
                with translated():
                    await self._client.commit(marks)
        except TimeoutError:
            raise Transient(f"kafka: no answer to a commit within {COMMIT_DEADLINE:g} s") from None

    def _mark(self, partition: Partition, offset: int) -> Mark:
        return Mark(offset, self._logs.topic_id(partition.topic), self._read.last_below(partition, offset))

    async def stop(self, *, give_up_place: bool = False) -> None:
        if give_up_place and self._client._coordinator is not None:  # noqa: SLF001 it says goodbye for no static member
            self._client._coordinator._group_instance_id = None  # noqa: SLF001
        await stop_client(self._client)


def _own_assignor() -> type[StickyPartitionAssignor]:
    """The assignor remembers on its class what a member had: two groups in one process need a class each."""
    return type("StickyPartitionAssignor", (StickyPartitionAssignor,), {})


class _NoOffset(Exception):
    """The group has committed nothing of these yet."""

    def __init__(self, places: Collection[TopicPartition]) -> None:
        super().__init__()
        self.places = places


class _OutOfRange(Exception):
    """The record to be read next isn't there any more."""


@contextlib.contextmanager
def _out_of_place() -> Iterator[None]:
    """What aiokafka raises once of a partition that can't be read where it stands."""
    try:
        yield
    except errors.NoOffsetForPartitionError as error:
        raise _NoOffset(error.args) from None
    except errors.OffsetOutOfRangeError as error:
        told = ", ".join(f"{place.topic}-{place.partition} at {offset}" for place, offset in error.args[0].items())
        raise _OutOfRange(f"the records to be read next are gone: {told}") from None


class _Listener(ConsumerRebalanceListener):
    def __init__(self, consumer: KafkaConsumer, on_revoked: OnRevoked, on_assigned: OnAssigned) -> None:
        self._consumer = consumer
        self._on_revoked = on_revoked
        self._on_assigned = on_assigned

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._on_revoked(_partitions(revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Tells at once: whoever fetches meanwhile must know what he has. aiokafka would swallow an error here; `fetch`
        comes to the same partitions again."""
        self._consumer.hold(set(assigned))
        self._on_assigned(_partitions(assigned))
        try:
            await self._consumer.begin(set(assigned))
        except Transient as error:
            log.warning("the beginnings of partitions can't be known", error=str(error))


def _partitions(places: Iterable[TopicPartition]) -> frozenset[Partition]:
    return frozenset(Partition(place.topic, place.partition) for place in places)
