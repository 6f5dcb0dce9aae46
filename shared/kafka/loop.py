"""The consume loop. The order of its steps is the guarantee:

    1. fetch     records of the assigned partitions, as long as the buffer has room
    2. decode    the value into its contract; what can't be decoded is a dead letter by itself
    3. handle    a batch; different keys in parallel, one key in order
    4. publish   what the handler returned, and wait until all in-sync replicas have it
    5. advance   the partition's watermark, which moves only over an unbroken run of finished records
    6. commit    the watermark, now and then, when partitions are revoked, and at the end

A crash between any two steps repeats records and loses none; deterministic ids and guarded sinks make the repetition
harmless. An error in 3 or 4 is judged by `plan_retry`: an outage waits for as long as it lasts while the records stay
unfinished; a batch with a bad record is halved until the record is alone, and that one becomes a dead letter (awaited,
like any other output, before step 5). Steps 3 and 4 are in settling.py, all others here; lanes.py knows what may be
handled next, under_way.py what is being handled, offsets.py how far each partition is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog

from shared.contracts.fleet import LedgerLine
from shared.errors import Fatal, Halt, LogBroken, StorePutBack, Transient
from shared.kafka.decoding import decode
from shared.kafka.lanes import Lanes
from shared.kafka.ledger import Ledger, Outcome
from shared.kafka.offsets import Offsets
from shared.kafka.pipeline import Batch, Pipeline
from shared.kafka.records import Message, Partition, Record
from shared.kafka.settling import Abandoned, Settling
from shared.kafka.transport import Consumer, Producer
from shared.kafka.under_way import Place, UnderWay
from shared.runtime import metrics

log = structlog.get_logger()

STILL = 60.0
"""Seconds after which a loop that has asked nothing of Kafka counts as stuck."""
FETCHED_AT_ONCE = 1_000
"""More at a time, and decoding them would keep everything else waiting: 10 ms of this many, of 1 kB."""
FETCH_FAILURES = 30
REBUILDS = 2
"""Consumers in a row that may stand still before the process is started anew."""
ADOPTED_WITHIN = 5.0
"""Seconds after which a loop whose log was broken sees at the latest that a person has adopted it."""
KEEP_ALIVE = 20.0
"""Seconds after which a group is told that a loop whose buffer is full is still there."""


class ConsumeLoop:
    """Runs one pipeline on one consumer and one producer until `stop` is called."""

    def __init__(self, pipeline: Pipeline, consumer: Consumer, producer: Producer) -> None:
        self._pipeline = pipeline
        self._limits = pipeline.limits
        self._topics = {topic.name: topic for topic in pipeline.topics}
        self._consumer = consumer
        self._lanes = Lanes()
        self._offsets = Offsets()
        self._under_way = UnderWay()
        self._carried_on: set[Place] = set()
        self._held_back = self._waits_for_room = False
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._interrupted = asyncio.Event()
        self._assigned = False
        self._fetch_outage: str | None = None
        self._standstill: str | None = None
        self._broken: LogBroken | StorePutBack | None = None
        self._unseen: str | None = None
        self._log_is_broken = False
        self._halted: Halt | None = None
        self._rebuilt = 0
        self._ledger = Ledger(pipeline.service, pipeline.group)
        self._settling = Settling(pipeline, producer, self._ledger, self._finish, self._stopping)
        self.moved_at = time.monotonic()

    # ---- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Returns after `stop`, with everything finished committed.

        Raises Fatal as an exception group.
        """
        if self._stopping.is_set() or not await self._join():
            return
        try:
            async with asyncio.TaskGroup() as self._tasks:
                jobs = (self._dispatch(), self._commit_regularly(), self._watch(), self._inspect_regularly())
                helpers = [self._tasks.create_task(job) for job in jobs]
                await self._consume()
                await self._drain()
                for helper in helpers:
                    helper.cancel()
            await self._commit()
            self._give_back(self._lanes.drop(self._offsets.partitions))
        finally:
            await self._consumer.stop(give_up_place=self._halted is not None)
        await self._stay_halted()

    async def _consume(self) -> None:
        """Until the end is asked for; a consumer that stands still is replaced, and one whose log broke waits."""
        while not (self._stopping.is_set() or self._halted):
            await self._fetch()
            if self._stopping.is_set() or self._halted:
                return
            if self._broken:
                await self._leave_the_broken_log()
            elif self._standstill:
                await self._rebuild(self._standstill)

    async def _join(self) -> bool:
        """Whether it has joined the group before the end was asked for. A broker that is away is waited for, and where
        the group's logs are broken, a person is."""
        failures = 0
        while not self._interrupted.is_set():
            try:
                joined = await self._unless_interrupted(self._consumer.start(self._revoked, self._newly_assigned))
            except Transient as error:
                failures += 1
                self._fetch_outage = str(error)
                self._tell_whether_broken(isinstance(error, LogBroken))
                await self._back_off(error, failures)
            else:
                self._fetch_outage = None
                self._tell_whether_broken(False)
                return joined
        return False

    async def _stay_halted(self) -> None:
        """Out of the group, so that its other members, which may be well, have the partitions."""
        if self._halted:
            await self._stopping.wait()

    def stop(self) -> None:
        """Asks for the end: no more fetching, batches under way may finish within `drain`."""
        self._stopping.set()
        self._interrupt()

    def _interrupt(self) -> None:
        self._interrupted.set()
        self._room.set()
        self._wake.set()

    # ---- what others may know ------------------------------------------------------------------------------------

    @property
    def group(self) -> str:
        """The consumer group's name."""
        return self._pipeline.group

    @property
    def held(self) -> int:
        """How many records were read and not committed yet, those under way included."""
        return self._offsets.held

    def problem(self) -> str | None:
        """Why this loop isn't ready to work; None when it is."""
        if self._halted:
            return f"halted: {self._halted}"
        if outage := self._settling.outage or self._fetch_outage or self._unseen:
            return f"outage: {outage}"
        return None if self._assigned else "no partitions assigned yet"

    @property
    def needs_a_person(self) -> bool:
        """Whether it reads nothing until a person has looked: it has halted, or its log waits to be adopted."""
        return self._halted is not None or self._log_is_broken

    def stuck(self) -> str | None:
        """Why this process should be started anew; None while it moves. Backing off counts as moving."""
        if self._halted:
            return None
        still = time.monotonic() - self.moved_at
        if still > STILL:
            return f"nothing was asked of Kafka for {still:.0f} s"
        longest = self._settling.longest
        return f"a batch has been under way for {longest:.0f} s" if longest > self._limits.patience else None

    def ledger(self) -> list[LedgerLine]:
        """What became of every record since the process began, by topic."""
        return self._ledger.lines(self._lanes.by_topic() + self._under_way.by_topic())

    # ---- 1 fetch, 2 decode ---------------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        failures = 0
        while not self._interrupted.is_set():
            try:
                await self._until_room()
                await self._unless_interrupted(self._fetch_once())
            except LogBroken as error:
                self._break(error)
            except Transient as error:
                failures += 1
                self._fetch_outage = str(error)
                if failures == FETCH_FAILURES:
                    self._stand_still(f"{failures} fetches in a row failed: {error}")
                await self._back_off(error, failures)
                continue
            failures, self._fetch_outage = 0, None

    async def _back_off(self, error: Transient, failures: int) -> None:
        self.moved_at = time.monotonic()
        delay = self._pipeline.retry.wait(failures)
        if isinstance(error, LogBroken):
            delay = min(delay, ADOPTED_WITHIN)
        metrics.RETRIES.labels(self._pipeline.service, "outage").inc()
        log.warning("will fetch again", error=str(error), wait=delay)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._interrupted.wait(), delay)

    async def _fetch_once(self) -> None:
        room = max(1, min(FETCHED_AT_ONCE, self._limits.buffer_records - self._lanes.records))
        fetched = await self._consumer.fetch(room, self._limits.fetch_wait)
        self.moved_at = time.monotonic()
        if not fetched:
            return
        for partition, records in groupby(fetched, attrgetter("partition")):
            self._accept(partition, list(records))
        self._rebuilt = 0
        self._wake.set()

    async def _unless_interrupted(self, work: Coroutine[None, None, None]) -> bool:
        """Whether it was done before the end was asked for; it is given up then (what was fetched is read again)."""
        doing = asyncio.ensure_future(work)
        interrupted = asyncio.ensure_future(self._interrupted.wait())
        try:
            await asyncio.wait({doing, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
                return True
            return False
        finally:
            interrupted.cancel()
            doing.cancel()
            await asyncio.wait({doing})

    def _accept(self, partition: Partition, records: list[Record]) -> None:
        """What is under way, or finished, since before its partition came back needs no second handling."""
        done = self._offsets.read(partition, [record.offset for record in records])
        if done is None:
            return
        if done or self._carried_on:
            records = [
                record
                for record in records
                if record.offset not in done and (partition, record.offset) not in self._carried_on
            ]
        self._ledger.read(partition.topic, len(records))
        metrics.RECORDS_IN.labels(self._pipeline.service, partition.topic).inc(len(records))
        if others := [record for record in records if self._is_for_another_group(record)]:
            self._ledger.settle(partition.topic, Outcome.SKIPPED, len(others))
            self._offsets.finish(others)
            records = [record for record in records if not self._is_for_another_group(record)]
        topic = self._topics[partition.topic]
        self._lanes.add(partition, [Message(record, decode(record, topic)) for record in records])

    def _is_for_another_group(self, record: Record) -> bool:
        """A dead letter that was put back is there for the group that had failed on it."""
        return bool(record.headers) and record.target_group not in {None, self._pipeline.group}

    async def _until_room(self) -> None:
        """Once the buffer is full nothing is fetched until half of it is free. Kafka's client reads ahead by itself, up
        to its own limits; to pause it would be to throw that away. Raises Transient."""
        if not self._fills(1.0):
            return
        self._held_back = self._waits_for_room = True
        try:
            while self._fills(0.5) and not self._interrupted.is_set():
                await self._room_or_keep_alive()
        finally:
            self._waits_for_room = False

    async def _room_or_keep_alive(self) -> None:
        self._room.clear()
        try:
            await asyncio.wait_for(self._room.wait(), KEEP_ALIVE)
        except TimeoutError:
            await self._unless_interrupted(self._consumer.keep_alive())
        self.moved_at = time.monotonic()

    def _fills(self, share: float) -> bool:
        """Whether what waits is at least so much of the buffer."""
        records, size = self._lanes.records, self._lanes.bytes
        return records >= self._limits.buffer_records * share or size >= self._limits.buffer_bytes * share

    # ---- 3 handle, 4 publish -------------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._limits.linger and 0 < self._lanes.records < self._limits.batch_records:
                await asyncio.sleep(self._limits.linger)
            while not self._interrupted.is_set() and len(self._under_way) < self._limits.concurrency:
                batch = self._lanes.take(self._limits.batch_records)
                if not batch:
                    break
                self._begin(batch)

    def _begin(self, batch: Batch) -> None:
        task = self._tasks.create_task(self._work(batch))
        self._under_way.begin(task, batch)
        task.add_done_callback(self._ended)
        self._room.set()

    async def _work(self, batch: Batch) -> None:
        try:
            await self._settling.settle(batch)
        except Abandoned:
            log.info("abandoned for a stop", records=len(batch))
        except Halt as error:
            self._halt(error)
        finally:
            self._lanes.release(batch)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._give_back(self._under_way.end(task))
        self._wake.set()
        self._room.set()

    def _give_back(self, messages: Sequence[Message[Any]]) -> None:
        for topic, records in Counter(message.record.partition.topic for message in messages).items():
            self._ledger.settle(topic, Outcome.RETURNED, records)

    def _halt(self, error: Halt) -> None:
        if self._halted is None:
            log.critical("halted", reason=str(error))
            metrics.HALTED.labels(self._pipeline.service, self._pipeline.group).set(1)
            self._halted = error
        self._interrupt()

    # ---- 5 advance, 6 commit -------------------------------------------------------------------------------------

    def _finish(self, batch: Batch) -> None:
        self.moved_at = time.monotonic()
        if self._under_way.finish(batch):
            self._offsets.finish(message.record for message in batch)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._limits.commit_every)
            await self._commit()

    async def _commit(self, offsets: dict[Partition, int] | None = None) -> None:
        """What fails to be committed is committed next time, or read again by whoever has the partition then."""
        if offsets is None:
            offsets = self._offsets.to_commit()
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except StorePutBack as error:
            self._go_back(error)
            return
        except Transient as error:
            log.warning("commit failed", error=str(error))
            return
        self._offsets.committed(offsets)

    # ---- rebalance -----------------------------------------------------------------------------------------------

    async def _revoked(self, partitions: frozenset[Partition]) -> None:
        """The group waits while batches under way finish, for `drain` at most; what has finished is committed.

        Longer work goes on, since most partitions come back to the member that had them.
        """
        self._give_back(self._lanes.drop(partitions))
        await self._drain(partitions, cancel=False)
        await self._commit(self._offsets.withdraw(partitions))

    def _newly_assigned(self, partitions: frozenset[Partition]) -> None:
        """Work on a partition that went to another member is given up: the other begins it anew."""
        self._carried_on, given_up = self._under_way.carry_on(partitions)
        self._give_back(given_up)
        self._offsets.assign(partitions)
        self._assigned = True
        log.info("assigned", partitions=len(partitions), carried_on=len(self._carried_on))

    async def _drain(self, partitions: frozenset[Partition] | None = None, *, cancel: bool = True) -> None:
        """Waits for the batches of these partitions (None: of all) for `drain` at most."""
        tasks = self._under_way.of(partitions)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._limits.drain)
        if late and cancel:
            for task in late:
                task.cancel()
            log.warning("abandoned", batches=len(late))
            await asyncio.wait(late, timeout=self._limits.drain)

    # ---- progress ------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Looks whether the consumer moves while there is something to read, and nothing of ours holds it back."""
        seen: dict[Partition, int] = {}
        while True:
            await asyncio.sleep(self._limits.still)
            if self._unseen and not self._offsets.partitions:
                self._stand_still(self._unseen)
                continue
            if self._held_back:
                self._held_back, seen = self._waits_for_room, {}
                continue
            try:
                unread = await self._consumer.unread()
            except Transient as error:
                log.warning("the ends of the partitions can't be known", error=str(error))
                continue
            still = [partition for partition, position in unread.items() if seen.get(partition) == position]
            if still:
                self._stand_still(f"{still[0].topic}-{still[0].number} stands still at {seen[still[0]]}")
            seen = unread

    def _stand_still(self, why: str) -> None:
        self._standstill = why
        self._interrupt()

    async def _rebuild(self, why: str) -> None:
        """A new consumer from the committed offsets on. Raises Fatal when several in a row did no better."""
        self._rebuilt += 1
        if self._rebuilt > REBUILDS:
            raise Fatal(f"{why}, as it did for {REBUILDS} consumers before: the process is started anew")
        log.error("the consumer is built anew", reason=why)
        metrics.REBUILT.labels(self._pipeline.service, self._pipeline.group).inc()
        await self._leave()
        await self._join_again()

    async def _leave(self) -> None:
        await self._revoked(self._offsets.partitions)
        await self._consumer.stop(give_up_place=True)
        self._standstill, self._broken, self._unseen, self._assigned = None, None, None, False

    async def _join_again(self) -> None:
        if not self._stopping.is_set() and not self._halted:
            self._interrupted.clear()
        await self._join()

    # ---- broken logs ---------------------------------------------------------------------------------------------

    async def _inspect_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._limits.inspect_every)
            if not self._assigned:
                continue
            try:
                await self._consumer.inspect()
                self._unseen = None
            except LogBroken as error:
                self._break(error)
            except StorePutBack as error:
                self._go_back(error)
            except Transient as error:
                self._unseen = str(error)
                log.warning("the topics can't be looked at", error=str(error))

    def _break(self, error: LogBroken) -> None:
        if self._broken is None:
            log.critical("the log is broken", reason=str(error))
            self._tell_whether_broken(True)
            self._broken, self._fetch_outage = error, str(error)
        self._interrupt()

    def _go_back(self, error: StorePutBack) -> None:
        """The group is left and joined again, from where the store is."""
        if self._broken is None:
            log.warning("goes back with its store", reason=str(error))
            self._broken = error
        self._interrupt()

    def _tell_whether_broken(self, broken: bool) -> None:
        self._log_is_broken = broken
        metrics.LOG_BROKEN.labels(self._pipeline.service, self._pipeline.group).set(broken)

    async def _leave_the_broken_log(self) -> None:
        """Out of the group until a person has adopted the log; where the store was put back, only to begin again. No
        work of before goes on: what its offsets stand for in the log of afterwards is something else."""
        await self._drain()
        await self._leave()
        await self._join_again()
