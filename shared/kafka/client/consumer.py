"""A member of a consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.structs import OffsetAndMetadata

from shared.errors import Transient
from shared.kafka.client.connection import Connection, records_of, start_client, stop_client, translated
from shared.kafka.records import Partition, Record
from shared.kafka.transport import OnAssigned, OnRevoked

COMMIT_DEADLINE = 10.0
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
    ) -> None:
        """`drain` in seconds: how long the group waits for a member when partitions are handed over. `instance` is the
        name of a place in the group that outlives the process: a static member, whose restart moves no partition. No
        two processes may have the same at a time."""
        self._connection = connection
        self._group_id = group
        self._topics = topics
        self._drain = drain
        self._instance = instance

    async def start(self, on_revoked: OnRevoked, on_assigned: OnAssigned) -> None:
        self._client = self._build()
        self._client.subscribe(list(self._topics), listener=_Listener(on_revoked, on_assigned))
        await start_client(self._client)

    def _build(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            group_id=self._group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            group_instance_id=self._instance,
            session_timeout_ms=STATIC_SESSION_MS if self._instance else SESSION_MS,
            heartbeat_interval_ms=2_000,
            rebalance_timeout_ms=int(self._drain * 1000) + 20_000,
            max_poll_interval_ms=120_000,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            partition_assignment_strategy=(_own_assignor(),),
        )

    async def fetch(self, max_records: int, wait: float) -> list[Record]:
        with translated():
            batches = await self._client.getmany(timeout_ms=int(wait * 1000), max_records=max_records)
        return records_of(batches)

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
        marks = {TopicPartition(*partition): OffsetAndMetadata(offset, "") for partition, offset in offsets.items()}
        try:
            async with asyncio.timeout(COMMIT_DEADLINE):
                with translated():
                    await self._client.commit(marks)
        except TimeoutError:
            raise Transient(f"kafka: no answer to a commit within {COMMIT_DEADLINE:g} s") from None

    async def stop(self) -> None:
        await stop_client(self._client)


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
