"""The consume loop. The order of its steps is the guarantee:

    1. fetch     records of the assigned partitions, as long as the buffer has room (else they are paused)
    2. decode    the value into its contract; what can't be decoded is a dead letter by itself
    3. handle    a batch; different keys in parallel, one key in order
    4. publish   what the handler returned, and wait until all in-sync replicas have it
    5. advance   the partition's watermark, which moves only over an unbroken run of finished records
    6. commit    the watermark, now and then, when partitions are revoked, and at the end

A crash between any two steps repeats records and loses none; deterministic ids and guarded sinks make the repetition
harmless. An error in 3 or 4 is judged by `plan_retry`: an outage waits for as long as it lasts while the records stay
unfinished; a batch with a bad record is halved until the record is alone, and that one becomes a dead letter (awaited,
like any other output, before step 5).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import structlog

from shared.errors import Fatal, Permanent, Transient
from shared.kafka.deadletters import Failure, dead_letter, without_value
from shared.kafka.decoding import Undecodable, decode, refuse_undecodable
from shared.kafka.lanes import Lanes
from shared.kafka.pipeline import Batch, Pipeline
from shared.kafka.records import Message, Outgoing, Partition, Record, encode
from shared.kafka.retry import GiveUp, Retry, Stop, plan_retry
from shared.kafka.transport import Consumer, Producer
from shared.kafka.watermark import Watermark
from shared.runtime import metrics

log = structlog.get_logger()

STILL = 60.0
"""Seconds after which a loop that has asked nothing of Kafka counts as stuck."""
FETCH_FAILURES = 30


class ConsumeLoop:
    """Runs one pipeline on one consumer and one producer until `stop` is called."""

    def __init__(self, pipeline: Pipeline, consumer: Consumer, producer: Producer) -> None:
        self._pipeline = pipeline
        self._limits = pipeline.limits
        self._topics = {topic.name: topic for topic in pipeline.topics}
        self._consumer = consumer
        self._producer = producer
        self._lanes = Lanes()
        self._watermarks: dict[Partition, Watermark] = {}
        self._committed: dict[Partition, int] = {}
        self._under_way: dict[asyncio.Task[None], Batch] = {}
        self._paused = False
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._assigned = False
        self._outages: dict[asyncio.Task[Any], str] = {}
        self._begun: dict[asyncio.Task[Any], float] = {}
        self.moved_at = time.monotonic()

    # ---- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Returns after `stop`, with everything finished committed.

        Raises Transient where no broker answers at the start, and Fatal as an exception group.
        """
        if self._stopping.is_set():
            return
        try:
            if not await self._unless_stopping(self._consumer.start(self._revoked, self._newly_assigned)):
                return
            async with asyncio.TaskGroup() as self._tasks:
                helpers = [self._tasks.create_task(self._dispatch()), self._tasks.create_task(self._commit_regularly())]
                await self._fetch()
                await self._drain(None)
                for helper in helpers:
                    helper.cancel()
            await self._commit()
        finally:
            await self._consumer.stop()

    @property
    def group(self) -> str:
        """The consumer group's name."""
        return self._pipeline.group

    @property
    def held(self) -> int:
        """How many records were read and not committed yet, those under way included."""
        return sum(watermark.held for watermark in self._watermarks.values())

    def problem(self) -> str | None:
        """Why this loop isn't ready to work; None when it is."""
        if not self._assigned:
            return "no partitions assigned yet"
        return next((f"outage: {outage}" for outage in self._outages.values()), None)

    def stuck(self) -> str | None:
        """Why this process should be started anew; None while it moves. Backing off counts as moving."""
        now = time.monotonic()
        if now - self.moved_at > STILL:
            return f"nothing was asked of Kafka for {now - self.moved_at:.0f} s"
        oldest = min(self._begun.values(), default=now)
        return f"a batch has been under way for {now - oldest:.0f} s" if now - oldest > self._limits.patience else None

    def stop(self) -> None:
        """Asks for the end: no more fetching, batches under way may finish within `drain`."""
        self._stopping.set()
        self._wake.set()

    # ---- 1 fetch, 2 decode ---------------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                await self._unless_stopping(self._fetch_once())
            except Transient as error:
                failures += 1
                if failures == FETCH_FAILURES:
                    raise Fatal(f"{failures} fetches in a row failed, a new consumer may do better: {error}") from error
                await self._back_off(error, Retry(self._pipeline.retry.wait(failures), outage=True))
                continue
            failures = 0
            self._outages.pop(_current(), None)
            self._regulate()

    async def _fetch_once(self) -> None:
        fetched = await self._consumer.fetch(self._limits.buffer_records, self._limits.fetch_wait)
        self.moved_at = time.monotonic()
        for record in fetched:
            self._accept(record)
        for topic, records in Counter(record.partition.topic for record in fetched).items():
            metrics.RECORDS_IN.labels(self._pipeline.service, topic).inc(records)

    async def _unless_stopping(self, work: Coroutine[None, None, None]) -> bool:
        """Whether it was done before the end was asked for; it is given up then (what was fetched is read again)."""
        doing = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
                return True
            return False
        finally:
            stopping.cancel()
            doing.cancel()
            await asyncio.wait({doing})

    def _accept(self, record: Record) -> None:
        watermark = self._watermarks.get(record.partition)
        if watermark is None:
            return  # revoked between the fetch and now
        watermark.add(record.offset)
        self._lanes.add(Message(record, decode(record, self._topics[record.partition.topic])))
        self._wake.set()

    def _regulate(self) -> None:
        """Pauses at the buffer's limits and resumes at half of them."""
        records, size = self._lanes.records, self._lanes.bytes
        if not self._paused and (records >= self._limits.buffer_records or size >= self._limits.buffer_bytes):
            self._consumer.pause(self._watermarks)
            self._paused = True
        elif self._paused and records <= self._limits.buffer_records / 2 and size <= self._limits.buffer_bytes / 2:
            self._consumer.resume(self._watermarks)
            self._paused = False

    # ---- 3 handle ------------------------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._limits.linger and 0 < self._lanes.records < self._limits.batch_records:
                await asyncio.sleep(self._limits.linger)
            while not self._stopping.is_set() and len(self._under_way) < self._limits.concurrency:
                batch = self._lanes.take(self._limits.batch_records)
                if not batch:
                    break
                self._begin(batch)

    def _begin(self, batch: Batch) -> None:
        """The batch keeps the watermarks of the assignment it was read under: a later one is none of its business."""
        work = self._tasks.create_task(self._work(batch, dict(self._watermarks)))
        self._under_way[work] = batch
        self._begun[work] = time.monotonic()
        work.add_done_callback(self._ended)

    def _ended(self, work: asyncio.Task[None]) -> None:
        del self._under_way[work], self._begun[work]
        self._outages.pop(work, None)
        self._wake.set()

    async def _work(self, batch: Batch, marks: dict[Partition, Watermark]) -> None:
        try:
            with structlog.contextvars.bound_contextvars(**_context(batch)):
                await self._settle(batch, marks)
        except _Abandoned:
            log.info("abandoned for a stop", records=len(batch))
        finally:
            self._lanes.release(batch)
            self._regulate()

    async def _settle(self, batch: Batch, marks: dict[Partition, Watermark]) -> None:
        """Steps 3 to 5 for a batch, as often as it takes; halves it when one of several records is to blame."""
        outages, faults, first_failed_at = 0, 0, datetime.now(UTC)
        while (error := await self._attempt(batch)) is not None:
            outage = isinstance(error, Transient)
            outages, faults = outages + outage, faults + (not outage)
            decision = plan_retry(error, outages if outage else faults, self._pipeline.retry)
            if isinstance(decision, Stop):
                raise error
            if len(batch) > 1 and not outage:
                middle = len(batch) // 2
                await self._settle(batch[:middle], marks)
                await self._settle(batch[middle:], marks)
                return
            if isinstance(decision, Retry):
                await self._wait(error, decision)
                continue
            if isinstance(decision, GiveUp):
                await self._give_up(batch[0], Failure(decision.code, decision.message, faults, first_failed_at))
            break
        self._finish(batch, marks)

    async def _attempt(self, batch: Batch) -> Exception | None:
        """The loop boundary: whatever a handler raises is caught here, and returned to be judged."""
        try:
            refuse_undecodable(batch)
            with metrics.HANDLE_SECONDS.labels(self._pipeline.service).time():
                emits = await self._pipeline.handler(batch)
            await self._publish(encode(emits, self._pipeline.service))
        except asyncio.CancelledError:
            if _current().cancelling():
                raise
            return Transient("a library cancelled its own work")
        except Exception as error:  # noqa: BLE001
            return error
        self._outages.pop(_current(), None)
        return None

    async def _wait(self, error: Exception, decision: Retry) -> None:
        """Backs off; a stop meanwhile abandons the records, which are read again after the start."""
        await self._back_off(error, decision)
        if self._stopping.is_set():
            raise _Abandoned

    async def _back_off(self, error: Exception, decision: Retry) -> None:
        kind = "outage" if decision.outage else "unknown"
        metrics.RETRIES.labels(self._pipeline.service, kind).inc()
        task = _current()
        if decision.outage:
            self._outages[task] = str(error)
        if task in self._begun:
            self._begun[task] = time.monotonic()
        log.warning("will try again", kind=kind, error=str(error), error_type=type(error).__name__, wait=decision.delay)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), decision.delay)

    # ---- 4 publish -----------------------------------------------------------------------------------------------

    async def _publish(self, outgoing: list[Outgoing]) -> None:
        if outgoing:
            await self._producer.publish(outgoing)
            metrics.RECORDS_OUT.labels(self._pipeline.service).inc(len(outgoing))

    async def _give_up(self, message: Message[Any], failure: Failure) -> None:
        """The dead letter, and what else is owed to those who wait for the record; awaited like any other output."""
        record = message.record
        structlog.contextvars.bind_contextvars(**_context([message]))
        letter = dead_letter(
            record,
            failure,
            group=self._pipeline.group,
            service=self._pipeline.service,
            dlq_topic=self._topics[record.partition.topic].dlq.name,
        )
        log.error(
            "dead letter",
            position=record.position,
            code=failure.code.value,
            reason=failure.message,
            attempts=failure.attempts,
        )
        await self._insist([letter, *self._told(message, failure)])
        metrics.DEAD_LETTERS.labels(self._pipeline.service, record.partition.topic, failure.code.value).inc()

    def _told(self, message: Message[Any], failure: Failure) -> list[Outgoing]:
        """What the pipeline says to those who wait for the record; a bug in that must not hold the dead letter back."""
        if isinstance(message.event, Undecodable):
            return []
        try:
            return encode(self._pipeline.on_failure(message, failure), self._pipeline.service)
        except Exception:
            log.exception("nobody was told of a failure")
            return []

    async def _insist(self, outgoing: list[Outgoing]) -> None:
        """Publishes for as long as it takes; nothing may happen to these but to arrive."""
        outages, shortened = 0, False
        while True:
            try:
                return await self._publish(outgoing)
            except Transient as error:
                outages += 1
                await self._wait(error, Retry(self._pipeline.retry.wait(outages), outage=True))
            except Permanent as error:
                if shortened:
                    raise Fatal(f"a dead letter could not be written: {error}") from error
                outgoing, shortened = [without_value(outgoing[0]), *outgoing[1:]], True

    # ---- 5 advance, 6 commit -------------------------------------------------------------------------------------

    def _finish(self, batch: Batch, marks: dict[Partition, Watermark]) -> None:
        self.moved_at = time.monotonic()
        for message in batch:
            marks[message.record.partition].finish(message.record.offset)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._limits.commit_every)
            await self._commit()

    async def _commit(self, watermarks: dict[Partition, Watermark] | None = None) -> None:
        """What fails to be committed is committed next time, or read again by whoever has the partition then."""
        offsets = {
            partition: offset
            for partition, watermark in (self._watermarks if watermarks is None else watermarks).items()
            if (offset := watermark.committable) is not None and offset != self._committed.get(partition)
        }
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except Transient as error:
            log.warning("commit failed", error=str(error))
            return
        self._committed.update(offsets)

    # ---- rebalance -----------------------------------------------------------------------------------------------

    def _newly_assigned(self, partitions: frozenset[Partition]) -> None:
        self._watermarks = {partition: Watermark() for partition in partitions}
        self._committed = {}
        self._paused = False
        self._assigned = True
        log.info("assigned", partitions=len(partitions))

    async def _revoked(self, partitions: frozenset[Partition]) -> None:
        """The group waits while batches under way finish; what doesn't within `drain` is abandoned uncommitted."""
        leaving = {partition: self._watermarks.pop(partition) for partition in partitions & self._watermarks.keys()}
        self._lanes.drop(partitions)
        await self._drain(partitions)
        await self._commit(leaving)

    async def _drain(self, partitions: frozenset[Partition] | None) -> None:
        """Waits for the batches of these partitions (None: of all); cancels those that take longer than `drain`."""
        tasks = {
            task
            for task, batch in self._under_way.items()
            if partitions is None or any(message.record.partition in partitions for message in batch)
        }
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._limits.drain)
        for task in late:
            task.cancel()
        if late:
            log.warning("abandoned", batches=len(late))
            await asyncio.wait(late, timeout=self._limits.drain)


class _Abandoned(Exception):
    """The end was asked for while records waited for another attempt."""


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task has batches under way")
    return task


def _context(batch: Batch) -> dict[str, str]:
    """What every line that is logged about a batch says: where its first record stands, and whose it is."""
    first = batch[0]
    document_id = getattr(first.event, "document_id", None)
    return {"position": first.record.position} | ({"document_id": document_id} if document_id else {})
