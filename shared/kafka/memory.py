"""Kafka in memory, for tests: the same behaviour suite runs on this and on the real one (tests/suites).

One broker with topics, partitions by key, consumer groups with explicit commits, and faults that a test can order.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from shared.errors import Code, LogBroken, Permanent, Transient
from shared.kafka.continuity import ADVICE, Mark
from shared.kafka.progress import Follower, Log, Progress
from shared.kafka.records import Acknowledged, Outgoing, Partition, Record
from shared.kafka.transport import OnAssigned, OnRevoked

Fault = Callable[[], Exception | None]


class MemoryBroker:
    """Holds what was written and committed. `away` makes every call fail as an outage would; so many `deaf` consumers,
    the next ones that are started, fetch nothing, whatever there is. Topics that are `refusing` take no record.
    `broken` is what is wrong with the logs. Broker 0 leads the partitions that are not in `leaders`; each broker's
    clock is so many milliseconds `ahead`, and gives the timestamps but of those topics that have `create_time`."""

    def __init__(self, topics: Mapping[str, int], max_message_bytes: int = 1024 * 1024) -> None:
        """`topics` gives each topic's number of partitions."""
        self.topics = dict(topics)
        self.max_message_bytes = max_message_bytes
        self.logs: dict[Partition, list[Record]] = {
            Partition(name, number): [] for name, count in self.topics.items() for number in range(count)
        }
        self.epochs = dict.fromkeys(self.logs, 0)
        self.topic_ids = {name: str(uuid4()) for name in self.topics}
        self.committed: dict[tuple[str, Partition], int] = {}
        self.members: dict[str, list[MemoryConsumer]] = defaultdict(list)
        self.away = False
        self.deaf = 0
        self.refusing: set[str] = set()
        self.broken: str | None = None
        self.leaders: dict[Partition, int] = {}
        self.ahead: dict[int, int] = defaultdict(int)
        self.create_time: set[str] = set()
        self.written = asyncio.Event()

    def check(self) -> None:
        if self.away:
            raise Transient("kafka: the broker is away")

    def make_anew(self, topic: str) -> None:
        """Deletes a topic's records and what groups have committed of it, as when it is deleted and created again."""
        for partition in self.logs:
            if partition.topic == topic:
                self.logs[partition] = []
        self.topic_ids[topic] = str(uuid4())
        self.committed = {place: offset for place, offset in self.committed.items() if place[1].topic != topic}
        self.broken = f"`{topic}` is another topic than before: {ADVICE}"

    def cut(self, partition: Partition, end: int) -> None:
        """Loses the end of a log, as when a broker takes over that didn't have it."""
        del self.logs[partition][end:]
        self.epochs[partition] += 1

    def append(self, outgoing: Outgoing) -> Acknowledged:
        if outgoing.topic in self.refusing:
            raise Transient(f"kafka: `{outgoing.topic}` takes no record now")
        if outgoing.key is None and outgoing.value is None:
            raise ValueError("a record has a key or a value")
        if len(outgoing.value or b"") > self.max_message_bytes:
            raise Permanent(Code.TOO_LARGE, "the record exceeds its topic's `max.message.bytes`")
        partition = Partition(outgoing.topic, zlib.crc32(outgoing.key or b"") % self.topics[outgoing.topic])
        log = self.logs[partition]
        broker = None if outgoing.topic in self.create_time else self.leaders.get(partition, 0)
        now = int(time.time() * 1000) + (0 if broker is None else self.ahead[broker])
        log.append(Record(partition, len(log), now, outgoing.key, outgoing.value, outgoing.headers))
        self.written.set()
        return Acknowledged(partition, len(log) - 1, now, broker)

    def read(self, topic: str) -> list[Record]:
        """All records of a topic, partition after partition."""
        return [record for partition, log in self.logs.items() if partition.topic == topic for record in log]

    async def rebalance(self, group: str) -> None:
        """Shares the partitions out anew: every member gives up what it has, then each gets its part."""
        members = self.members[group]
        for member in members:
            await member.give_up()
        for place, member in enumerate(members):
            mine = [partition for partition in self.logs if partition.topic in member.topics]
            await member.take(frozenset(mine[place :: len(members)]))


class MemoryProducer:
    """Implements `transport.Producer`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def start(self) -> None:
        self._broker.check()

    async def publish(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        await asyncio.sleep(0)
        self._broker.check()
        return [self._broker.append(record) for record in records]

    async def leaders(self, topic: str) -> frozenset[int]:
        self._broker.check()
        return frozenset(self._broker.leaders.get(place, 0) for place in self._broker.logs if place.topic == topic)

    async def probe(self) -> None:
        self._broker.check()

    async def stop(self) -> None:
        return


class MemoryConsumer:
    """Implements `transport.Consumer`."""

    def __init__(
        self, broker: MemoryBroker, group: str, topics: Sequence[str], progress: Progress | None = None
    ) -> None:
        self._broker = broker
        self._group = group
        self.topics = frozenset(topics)
        self._positions: dict[Partition, int] = {}
        self._follower = None if progress is None else Follower(progress, "memory", group)

    async def start(self, on_revoked: OnRevoked, on_assigned: OnAssigned) -> None:
        self._check_log()
        self._on_revoked, self._on_assigned = on_revoked, on_assigned
        self._deaf, self._broker.deaf = self._broker.deaf > 0, max(0, self._broker.deaf - 1)
        self._broker.members[self._group].append(self)
        await self._broker.rebalance(self._group)

    def _check_log(self) -> None:
        self._broker.check()
        if self._broker.broken:
            raise LogBroken(self._broker.broken)

    async def inspect(self) -> None:
        self._check_log()
        if self._follower is not None:
            await self._follower.check(self._positions)

    async def give_up(self) -> None:
        if self._positions:
            await self._on_revoked(frozenset(self._positions))
        self._positions = {}

    async def take(self, partitions: frozenset[Partition]) -> None:
        self._on_assigned(partitions)
        begins = await self._begins()
        self._positions = {partition: begins.get(partition, 0) for partition in partitions}
        self._broker.written.set()

    async def _begins(self) -> dict[Partition, int]:
        committed = {
            place: Mark(offset) for (group, place), offset in self._broker.committed.items() if group == self._group
        }
        if self._follower is None:
            return {partition: mark.offset for partition, mark in committed.items()}
        ids = self._broker.topic_ids
        begins = await self._follower.begin(committed, {place: Log(ids[place.topic], 0) for place in self._broker.logs})
        self._follower.tell(committed, begins)
        return begins

    async def fetch(self, max_records: int, wait: float) -> list[Record]:
        if self._broker.away or self._deaf:
            await asyncio.sleep(wait)
            return []
        records = self._next(max_records)
        if not records:
            self._broker.written.clear()
            try:
                await asyncio.wait_for(self._broker.written.wait(), wait)
            except TimeoutError:
                return []
            records = self._next(max_records)
        return records

    def _next(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        for partition, position in self._positions.items():
            fresh = self._broker.logs[partition][position : position + max_records - len(records)]
            self._positions[partition] += len(fresh)
            records += fresh
        return records

    async def unread(self) -> dict[Partition, int]:
        self._broker.check()
        return {
            partition: position
            for partition, position in self._positions.items()
            if position < len(self._broker.logs[partition])
        }

    async def keep_alive(self) -> None:
        self._broker.check()

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self._broker.check()
        if self._follower is not None:
            await self._follower.save(offsets, self._broker.topic_ids)
        for partition, offset in offsets.items():
            self._broker.committed[self._group, partition] = offset

    async def stop(self, *, give_up_place: bool = False) -> None:  # noqa: ARG002 no member is static here
        members = self._broker.members[self._group]
        if self in members:
            members.remove(self)
            self._positions = {}
            await self._broker.rebalance(self._group)
