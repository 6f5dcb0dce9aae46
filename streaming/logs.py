"""Whether the streams' topics are those that their queries have read.

Spark remembers offsets and nothing else: it notices where the next record is gone, and takes the records of another log
for the next ones where it has grown that far. So each query leaves, beside its checkpoint, marks as a consumer group's
members do (shared/kafka/continuity.py), in a group of its own that has no members, `streaming.<query>.<epoch>`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog

from shared.contracts.topics import TopicAdopted
from shared.errors import LogBroken, Transient
from shared.kafka.client import Connection, KafkaAdmin, offset_ranges, timestamps_at
from shared.kafka.client.topic_watch import Look, TopicWatch
from shared.kafka.continuity import ADVICE, Log, Mark, broken, grown_again
from shared.kafka.incarnation import mismatch
from shared.kafka.records import Partition
from shared.streams.plan import marks_group
from streaming.queries import Query

log = structlog.get_logger()

LOOK_EVERY_S = 5.0
LEAVE_EVERY_S = 30.0
CONFIRMED_WITHIN_S = 20.0
"""db_writer looks every 5 s. Where it hasn't said by then that the stores know a log, waiting alone won't do."""

Committed = Callable[[Query], Awaitable[Mapping[int, int] | None]]
"""Where a query's checkpoint is, by partition; None where there is none yet."""


class Logs:
    """`watch` is a job; the others are asked before and while a query runs."""

    def __init__(self, connection: Connection, topics: Collection[str]) -> None:
        self._connection = connection
        self._topics = topics
        self._begun = time.monotonic()
        self._look: asyncio.Future[Look] = asyncio.get_running_loop().create_future()

    async def watch(self, on_change: Callable[[str], None]) -> None:
        """Without end; `on_change` is called with the name of a topic that isn't the one any more that its queries
        read. A broker that is away changes nothing: the queries say it themselves."""
        watch = TopicWatch(self._connection, self._topics)
        try:
            while True:
                try:
                    for topic in self._changed(await watch.look()):
                        log.critical("a topic is another one than before", topic=topic)
                        on_change(topic)
                except Transient as error:
                    log.warning("the streams' topics can't be looked at", error=str(error))
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await watch.stop()

    def _changed(self, look: Look) -> list[str]:
        if not self._look.done():
            self._look.set_result(look)
            return []
        before = self._look.result()
        self._look = asyncio.get_running_loop().create_future()
        self._look.set_result(look)
        return [topic for topic in self._topics if before.topic_id(topic) not in (None, look.topic_id(topic))]

    async def in_force(self, topic: str) -> TopicAdopted:
        """Raises LogBroken where the topic that is there isn't the one in force, and Transient while db_writer hasn't
        said that the stores' contents came from it: rows of an older log are not to be ended by a new one's."""
        look = await self._look
        adopted = look.adopted.get(topic)
        told = mismatch(topic, look.topic_id(topic), adopted, None, {})
        if told or adopted is None:
            raise LogBroken(f"{told}: {ADVICE}")
        if not adopted.stored:
            told = f"{topic}: db_writer has not said that the stores know this log; if it can't, {ADVICE}"
            raise LogBroken(told) if time.monotonic() - self._begun > CONFIRMED_WITHIN_S else Transient(told)
        return adopted

    async def check(self, query: Query, committed: Mapping[int, int] | None) -> None:
        """Raises LogBroken where the log isn't the one that the query's checkpoint has come from."""
        adopted = await self.in_force(query.source.name)
        if committed is None:
            return
        kept = await offset_ranges(self._connection, [query.source.name])
        group = marks_group(query.plan, query.epoch)
        async with KafkaAdmin(self._connection) as admin:
            left = {partition: mark for partition, mark in (await admin.marks(group)).items() if partition in kept}
        lasts = {partition: mark.last[0] for partition, mark in left.items() if mark.last}
        now = await timestamps_at(self._connection, lasts, kept)
        for partition, held in sorted(kept.items()):
            place = Mark(committed.get(partition.number, 0), *_of(left.get(partition)))
            told = broken(group, partition, place, Log(adopted.topic_id, held.start, held.stop))
            told = told or grown_again(group, partition, place, now.get(partition))
            if told:
                raise LogBroken(f"{told}: {ADVICE}")

    async def leave_marks(self, query: Query, committed: Committed) -> None:
        """Now and then, as long as the query runs: until it is cancelled."""
        left: Mapping[int, int] | None = None
        while True:
            try:
                done = await committed(query)
                if done and done != left:
                    await self._leave(query, done)
                    left = done
            except Transient as error:
                log.warning("no marks left", query=query.name, error=str(error))
            await asyncio.sleep(LEAVE_EVERY_S)

    async def _leave(self, query: Query, done: Mapping[int, int]) -> None:
        topic = query.source.name
        topic_id = (await self.in_force(topic)).topic_id
        kept = await offset_ranges(self._connection, [topic])
        places = {Partition(topic, number): offset for number, offset in done.items()}
        times = await timestamps_at(self._connection, {p: offset - 1 for p, offset in places.items()}, kept)
        marks = {
            p: Mark(offset, topic_id, (offset - 1, times[p]) if p in times else None) for p, offset in places.items()
        }
        async with KafkaAdmin(self._connection) as admin:
            await admin.set_offsets(marks_group(query.plan, query.epoch), marks)


def _of(mark: Mark | None) -> tuple[str | None, tuple[int, int] | None]:
    return (None, None) if mark is None else (mark.topic_id, mark.last)
