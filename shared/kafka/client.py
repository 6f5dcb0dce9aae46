"""The only module that knows aiokafka: the real transport, and the translation of its errors.

Its defaults are unsafe for what is promised here (acks=1, automatic commits, reading from the end), so every setting
that matters is named.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.record import _crecords  # noqa: F401 without its C extension aiokafka is 90 times slower, silently
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, RecordMetadata

from shared.errors import Code, Permanent, Transient
from shared.kafka.records import Acknowledged, Outgoing, Partition, Record
from shared.kafka.transport import OnAssigned, OnRevoked
from shared.topics import Topic

log = structlog.get_logger()

STOP_DEADLINE = 5.0
COMMIT_DEADLINE = 10.0
BATCH_BYTES = 256 * 1024
READ_DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the cluster. `bootstrap_servers` is `host:port[,host:port…]`."""

    bootstrap_servers: str
    client_id: str = "cauce"


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """aiokafka's errors as ours. What a client can't cause by the content of a record is an outage."""
    try:
        yield
    except (errors.MessageSizeTooLargeError, errors.RecordTooLargeError, errors.RecordListTooLargeError) as error:
        raise Permanent(Code.TOO_LARGE, f"the record exceeds its topic's `max.message.bytes`: {error}") from error
    except (errors.KafkaError, OSError) as error:
        raise Transient(f"kafka: {str(error) or type(error).__name__}") from error


async def _start(client: Any) -> None:
    """A client whose start failed still holds sockets and tasks: it is stopped before the error goes on."""
    try:
        with translated():
            await client.start()
    except BaseException:
        await _stop(client)
        raise


async def _stop(client: Any) -> None:
    """With the broker gone aiokafka's `stop` hangs, or ends with the cancellation of a task of its own, which must not
    look like ours; what it would still have sent is sent again after a start.
    """
    closing = asyncio.ensure_future(client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
    await asyncio.wait({closing}, timeout=STOP_DEADLINE)
    if closing.done() and not closing.cancelled() and not isinstance(closing.exception(), errors.KafkaError):
        closing.result()
        return
    log.warning("kafka client did not stop cleanly", error=_how_it_ended(closing))
    closing.cancel()
    await _abandon(client)


async def _abandon(client: Any) -> None:
    """What aiokafka leaves behind when its `stop` is given up: without this a producer's sender would go on sending
    behind the back of its successor, for ever, and connections would stay open.
    """
    if isinstance(client, AIOKafkaProducer):
        sender = client._sender  # noqa: SLF001 no public way
        client._message_accumulator.fail_all(errors.KafkaError("abandoned"))  # noqa: SLF001
        if task := sender.sender_task:
            task.remove_done_callback(sender._fail_all)  # noqa: SLF001 it would fail what has failed just now
            task.cancel()
    connections = client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001
    await asyncio.wait({asyncio.ensure_future(connections.close())}, timeout=STOP_DEADLINE)


def _how_it_ended(closing: asyncio.Future[None]) -> str:
    if not closing.done():
        return f"no end within {STOP_DEADLINE:g} s"
    return "cancelled" if closing.cancelled() else repr(closing.exception())


class KafkaProducer:
    """Idempotent, acknowledged by all in-sync replicas. Implements `transport.Producer`."""

    def __init__(
        self,
        connection: Connection,
        *,
        deadline: float = 30.0,
        compression: str = "zstd",
        linger: float = 0.002,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """`deadline` in seconds: how long a publish may take before its outcome counts as unknown. `linger` in seconds:
        how long a batch waits for more. `batch_bytes` must not exceed the least limit of the topics written to, which
        would refuse a batch for the sum of its records."""
        self._connection = connection
        self._deadline = deadline
        self._compression = compression
        self._linger = linger
        self._batch_bytes = batch_bytes
        self._client: AIOKafkaProducer | None = None
        self._building = asyncio.Lock()

    async def start(self) -> None:
        await self._current()

    async def _current(self) -> AIOKafkaProducer:
        async with self._building:
            if self._client is None:
                self._client = await self._build()
            return self._client

    async def _build(self) -> AIOKafkaProducer:
        client = AIOKafkaProducer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=int(self._linger * 1000),
            max_batch_size=self._batch_bytes,
            max_request_size=128 * 1024 * 1024,  # what counts are the topics' limits, on compressed bytes
            compression_type=self._compression,
            request_timeout_ms=int(self._deadline * 1000),
        )
        await _start(client)
        return client

    async def publish(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        used: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._deadline):
                used = await self._current()
                with translated():
                    return await self._send(used, records)
        except TimeoutError:
            await self._discard(used)
            raise Transient(f"kafka: no acknowledgement within {self._deadline:g} s") from None
        except Transient:
            await self._discard(used)
            raise

    async def _send(self, client: AIOKafkaProducer, records: Sequence[Outgoing]) -> list[Acknowledged]:
        sends = [
            await client.send(record.topic, record.value, record.key, headers=list(record.headers))
            for record in records
        ]
        results = await asyncio.gather(*sends, return_exceptions=True)
        failed = next((result for result in results if isinstance(result, BaseException)), None)
        if failed is not None:
            raise failed
        return [_acknowledged(result) for result in results if not isinstance(result, BaseException)]

    async def _discard(self, client: AIOKafkaProducer | None) -> None:
        """After a failed publish the producer's sequence is in doubt, and some of its errors are final: build anew.

        What it still holds is not sent any more: whoever asked for it is told, and asks again.
        """
        if client is not None and self._client is client:
            self._client = None
            await _abandon(client)
            await _stop(client)

    async def probe(self) -> None:
        """Raises Transient unless a broker answers now."""
        with translated():
            client = await self._current()
            if not await client.client.force_metadata_update():
                raise Transient("kafka: no broker answers")

    async def stop(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await _stop(client)


def _acknowledged(metadata: RecordMetadata) -> Acknowledged:
    return Acknowledged(Partition(metadata.topic, metadata.partition), metadata.offset, metadata.timestamp or 0)


def _record(raw: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(
        partition=Partition(raw.topic, raw.partition),
        offset=raw.offset,
        timestamp=raw.timestamp,
        key=raw.key,
        value=raw.value,
        headers=tuple(raw.headers),
    )


class KafkaConsumer:
    """A member of a consumer group that commits only what it is told to. Implements `transport.Consumer`."""

    def __init__(self, connection: Connection, group: str, topics: Sequence[str], *, drain: float = 20.0) -> None:
        """`drain` in seconds: how long the group waits for a member when partitions are handed over."""
        self._connection = connection
        self._group_id = group
        self._topics = topics
        self._drain = drain

    async def start(self, on_revoked: OnRevoked, on_assigned: OnAssigned) -> None:
        self._client = self._build()
        self._client.subscribe(list(self._topics), listener=_Listener(on_revoked, on_assigned))
        await _start(self._client)

    def _build(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            group_id=self._group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            rebalance_timeout_ms=int(self._drain * 1000) + 20_000,
            max_poll_interval_ms=120_000,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            partition_assignment_strategy=(_own_assignor(),),
        )

    async def fetch(self, max_records: int, wait: float) -> list[Record]:
        with translated():
            batches = await self._client.getmany(timeout_ms=int(wait * 1000), max_records=max_records)
        return [_record(raw) for batch in batches.values() for raw in batch]

    def pause(self, partitions: Iterable[Partition]) -> None:
        self._client.pause(*self._still_assigned(partitions))

    def resume(self, partitions: Iterable[Partition]) -> None:
        self._client.resume(*self._still_assigned(partitions))

    def _still_assigned(self, partitions: Iterable[Partition]) -> list[TopicPartition]:
        assigned = self._client.assignment()
        return [place for place in (TopicPartition(*partition) for partition in partitions) if place in assigned]

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        marks = {TopicPartition(*partition): OffsetAndMetadata(offset, "") for partition, offset in offsets.items()}
        try:
            async with asyncio.timeout(COMMIT_DEADLINE):
                with translated():
                    await self._client.commit(marks)
        except TimeoutError:
            raise Transient(f"kafka: no answer to a commit within {COMMIT_DEADLINE:g} s") from None

    async def stop(self) -> None:
        await _stop(self._client)


def _own_assignor() -> type[StickyPartitionAssignor]:
    """The assignor remembers on its class what a member had: two groups in one process need a class each."""
    return type("StickyPartitionAssignor", (StickyPartitionAssignor,), {})


class _Listener(ConsumerRebalanceListener):
    def __init__(self, on_revoked: OnRevoked, on_assigned: OnAssigned) -> None:
        self._on_revoked = on_revoked
        self._on_assigned = on_assigned

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._on_revoked(_partitions(revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._on_assigned(_partitions(assigned))


def _partitions(places: Iterable[TopicPartition]) -> frozenset[Partition]:
    return frozenset(Partition(place.topic, place.partition) for place in places)


class KafkaTail:
    """Reads whole topics without a group, from some time ago to their end and on; commits nothing."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic

    async def start(self, since: float) -> None:
        """`since` in seconds since 1970: records older than that are left out. Raises Transient."""
        self._client, self._asking = self._build(), self._build()
        await _start(self._client)
        await _start(self._asking)
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
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )

    async def _numbers(self) -> list[int]:
        for client in (self._client, self._asking):
            await client._client.add_topic(self._topic)  # noqa: SLF001 no public way to learn a topic without subscribing
        numbers = self._client.partitions_for_topic(self._topic)
        if not numbers:
            raise Transient(f"kafka: topic `{self._topic}` is not there: run `cauce topics apply`")
        return sorted(numbers)

    async def records(self) -> AsyncIterator[list[Record]]:
        """Batches as they come, without end. Raises Transient."""
        while True:
            with translated():
                batches = await self._client.getmany(timeout_ms=1_000)
            yield [_record(raw) for batch in batches.values() for raw in batch]

    async def end_offsets(self) -> dict[Partition, int]:
        """The offset after the last record of each partition, asked of the broker now. Raises Transient."""
        with translated():
            ends = await self._asking.end_offsets(self._places)
        return {Partition(place.topic, place.partition): offset for place, offset in ends.items()}

    async def positions(self) -> dict[Partition, int]:
        """The offset of the next record to be handed out, of each partition."""
        places = self._client.assignment()
        return {Partition(place.topic, place.partition): await self._client.position(place) for place in places}

    async def stop(self) -> None:
        await _stop(self._client)
        await _stop(self._asking)


@dataclass(frozen=True, slots=True)
class TopicOnBroker:
    """A topic as the cluster has it."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


class KafkaAdmin:
    """What the operator's commands ask of the cluster. An async context manager; every call raises Transient."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> Self:
        self._client: Any = AIOKafkaAdminClient(
            bootstrap_servers=self._connection.bootstrap_servers, client_id=self._connection.client_id
        )
        await _start(self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await _stop(self._client)

    async def brokers(self) -> int:
        """How many brokers are in the cluster: the cheapest question that proves that it answers."""
        with translated():
            return len((await self._client.describe_cluster())["brokers"])

    async def topics(self) -> dict[str, TopicOnBroker]:
        with translated():
            names = [name for name in await self._client.list_topics() if not name.startswith("__")]
            if not names:
                return {}
            described = await self._client.describe_topics(names)
            configs = await self._configs(names)
        return {
            topic["topic"]: TopicOnBroker(
                name=topic["topic"],
                partitions=len(topic["partitions"]),
                replication_factor=len(topic["partitions"][0]["replicas"]),
                config=configs[topic["topic"]],
            )
            for topic in described
        }

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        answers = await self._client.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        )
        return {
            resource[3]: {entry[0]: entry[1] for entry in resource[4]}
            for answer in answers
            for resource in answer.resources
        }

    async def create(self, topic: Topic, replication_factor: int) -> None:
        """Raises Transient, also where the cluster has too few brokers for the replication factor."""
        new = NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=topic.config(replication_factor))
        with translated():
            answer = await self._client.create_topics([new])
        for name, code, *message in answer.topic_errors:
            error = errors.for_code(code)
            if error not in (errors.NoError, errors.TopicAlreadyExistsError):
                raise Transient(
                    f"kafka: topic `{name}` was not created: {error.__name__} {message[0] if message else ''}"
                )

    async def configure(self, topic: Topic, replication_factor: int) -> None:
        """Sets every declared setting of a topic that is there."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=topic.config(replication_factor))
        with translated():
            answers: list[Any] = await self._client.alter_configs([resource])
        for answer in answers:
            for code, message, *_ in answer.resources:
                if code:
                    raise Transient(f"kafka: `{topic.name}` was not configured: {message}")

    async def committed(self, group: str) -> dict[Partition, int]:
        """The offsets that a consumer group has committed."""
        with translated():
            offsets = await self._client.list_consumer_group_offsets(group)
        return {Partition(place.topic, place.partition): mark.offset for place, mark in offsets.items()}


async def offset_ranges(connection: Connection, topics: Sequence[str]) -> dict[Partition, range]:
    """The offsets that every partition of these topics holds, from the first kept to the last; raises Transient."""
    client = AIOKafkaConsumer(bootstrap_servers=connection.bootstrap_servers, client_id=connection.client_id)
    await _start(client)
    try:
        with translated():
            places = []
            for topic in topics:
                await client._client.add_topic(topic)  # noqa: SLF001 as in KafkaTail
                places += [TopicPartition(topic, number) for number in client.partitions_for_topic(topic) or ()]
            first, end = await client.beginning_offsets(places), await client.end_offsets(places)
    finally:
        await _stop(client)
    return {Partition(place.topic, place.partition): range(first[place], end[place]) for place in places}


async def offsets_at(connection: Connection, topic: str, times: Sequence[int]) -> list[dict[Partition, int]]:
    """For each of `times`, in milliseconds since 1970: the offset of the first record of each partition that is not
    older, or the one after the last. Raises Transient."""
    client = AIOKafkaConsumer(bootstrap_servers=connection.bootstrap_servers, client_id=connection.client_id)
    await _start(client)
    try:
        with translated():
            await client._client.add_topic(topic)  # noqa: SLF001 as in KafkaTail
            places = [TopicPartition(topic, number) for number in client.partitions_for_topic(topic) or ()]
            ends = await client.end_offsets(places)
            found = [await client.offsets_for_times(dict.fromkeys(places, time)) for time in times]
    finally:
        await _stop(client)
    return [{Partition(*place): at[place].offset if at[place] else ends[place] for place in places} for at in found]


async def read_from(
    connection: Connection, starts: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None
) -> AsyncGenerator[list[Record], None]:
    """Every record of these partitions from its start, without a group; with `ends`, those below and then no more.

    Without `ends` it goes on for ever, and hands out an empty list where nothing came for a while. What retention has
    removed is left out. Raises Transient, also where records that must be there don't come.
    """
    reader = _Reader(connection, starts, ends)
    await _start(reader.client)
    try:
        reader.begin()
        while reader.open:
            yield await reader.next()
    finally:
        await _stop(reader.client)


class _Reader:
    """Partitions that are read to their ends are left; the others go on."""

    def __init__(
        self, connection: Connection, starts: Mapping[Partition, int], ends: Mapping[Partition, int] | None
    ) -> None:
        self._starts = starts
        self._ends = ends
        self.open = {
            TopicPartition(*partition) for partition, start in starts.items() if ends is None or start < ends[partition]
        }
        self._quiet_since = asyncio.get_running_loop().time()
        self.client = AIOKafkaConsumer(
            bootstrap_servers=connection.bootstrap_servers,
            client_id=connection.client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )

    def begin(self) -> None:
        self.client.assign(list(self.open))
        for place in self.open:
            self.client.seek(place, self._starts[Partition(*place)])

    async def next(self) -> list[Record]:
        with translated():
            batches = await self.client.getmany(*self.open, timeout_ms=500, max_records=5_000)
            records = [_record(raw) for batch in batches.values() for raw in batch]
            if self._ends is not None:
                records = [record for record in records if record.offset < self._ends[record.partition]]
                await self._leave_what_is_read(self._ends, bool(batches))
        return records

    async def _leave_what_is_read(self, ends: Mapping[Partition, int], came: bool) -> None:
        """By position, since the last offsets of a partition may be markers, or gone."""
        now = asyncio.get_running_loop().time()
        if came:
            self._quiet_since = now
        done = {place for place in self.open if await self.client.position(place) >= ends[Partition(*place)]}
        if done:
            self.client.pause(*done)
            self.open -= done
        elif now - self._quiet_since > READ_DEADLINE:
            raise Transient(f"kafka: no records for {READ_DEADLINE:g} s, though there must be some")


async def first_timestamps(connection: Connection, topic: str) -> dict[Partition, int | None]:
    """Of each partition that has lost records to retention: the timestamp, in ms since 1970, of the first that it
    holds; None where it holds none any more. Raises Transient."""
    lost = {place: held for place, held in (await offset_ranges(connection, [topic])).items() if held.start > 0}
    found: dict[Partition, int | None] = dict.fromkeys(lost)
    starts = {place: held.start for place, held in lost.items() if held}
    async for batch in read_from(connection, starts, {place: start + 1 for place, start in starts.items()}):
        found |= {record.partition: record.timestamp for record in batch}
    return found
