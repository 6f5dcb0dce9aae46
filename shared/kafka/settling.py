"""Steps 3 and 4 of the consume loop: a batch is tried until each of its records has an outcome."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from shared.errors import Fatal, Halt, Permanent, Transient
from shared.kafka.circuit import Circuit
from shared.kafka.dead_letter_limit import DeadLetterLimit
from shared.kafka.deadletters import Failure, dead_letter, without_value
from shared.kafka.decoding import Undecodable, refuse_undecodable
from shared.kafka.ledger import Ledger, Outcome
from shared.kafka.pipeline import Batch, Handled, Pipeline
from shared.kafka.records import Message, Outgoing, encode
from shared.kafka.retry import GiveUp, Retry, Stop, plan_retry
from shared.kafka.transport import Producer
from shared.runtime import metrics

log = structlog.get_logger()

Finish = Callable[[Batch], None]


class Abandoned(Exception):
    """The end was asked for while records waited for another attempt: whoever reads them next begins anew."""


class Settling:
    """Tries batches, for many tasks at once. `finish` is called with records whose effects are acknowledged."""

    def __init__(
        self, pipeline: Pipeline, producer: Producer, ledger: Ledger, finish: Finish, stopping: asyncio.Event
    ) -> None:
        self._pipeline = pipeline
        self._topics = {topic.name: topic for topic in pipeline.topics}
        self._producer = producer
        self._ledger = ledger
        self._finish = finish
        self._stopping = stopping
        self._circuit = Circuit(pipeline.retry)
        self._limit = DeadLetterLimit(pipeline.dead_letters)
        self._outages: dict[asyncio.Task[Any], str] = {}
        self._begun: dict[asyncio.Task[Any], float] = {}

    @property
    def outage(self) -> str | None:
        """What a dependency said that is away, as long as a batch waits for it; None when all answer."""
        return next(iter(self._outages.values()), None)

    @property
    def longest(self) -> float:
        """Seconds for which the oldest attempt has been under way; waiting for another one doesn't count."""
        now = time.monotonic()
        return now - min(self._begun.values(), default=now)

    async def settle(self, batch: Batch) -> None:
        """Raises Abandoned, Halt or Fatal; what isn't finished by then stays uncommitted."""
        try:
            with structlog.contextvars.bound_contextvars(**_context(batch)):
                await self._insist_on(batch)
        finally:
            self._outages.pop(_current(), None)

    async def _insist_on(self, batch: Batch) -> None:
        """As often as it takes; halves a batch when one of several records is to blame."""
        outages, faults, first_failed_at = 0, 0, datetime.now(UTC)
        while (error := await self._attempt(batch)) is not None:
            outage = isinstance(error, Transient)
            outages, faults = outages + outage, faults + (not outage)
            decision = plan_retry(error, outages if outage else faults, self._pipeline.retry)
            if isinstance(decision, Stop):
                raise error
            if len(batch) > 1 and not outage:
                middle = len(batch) // 2
                await self._insist_on(batch[:middle])
                await self._insist_on(batch[middle:])
                return
            if isinstance(decision, GiveUp):
                await self._give_up(batch[0], Failure(decision.code, decision.message, faults, first_failed_at))
                return
            self._say(error, decision)
            if self._circuit.reason is None or not outage:  # else the next turn is waited for
                await self._sleep(decision.delay)

    async def _attempt(self, batch: Batch) -> Exception | None:
        """In its turn, where a dependency is away. What there is to be judged is returned."""
        async with self._circuit.turn(self._sleep):
            self._begun[_current()] = time.monotonic()
            try:
                error = await self._try(batch)
            finally:
                del self._begun[_current()]
            self._note(error)
        return error

    async def _try(self, batch: Batch) -> Exception | None:
        """The loop boundary: whatever a handler raises is caught here."""
        try:
            refuse_undecodable(batch)
            with metrics.HANDLE_SECONDS.labels(self._pipeline.service).time():
                handled = await self._pipeline.handler(batch)
            await self._publish(encode(handled.emits, self._pipeline.service))
        except asyncio.CancelledError:
            if _current().cancelling():
                raise
            return Transient("a library cancelled its own work")
        except Exception as error:  # noqa: BLE001
            return error
        self._done(batch, handled)
        return None

    def _note(self, error: Exception | None) -> None:
        """An error of the record's own closes the circuit too: the dependency answered, or wasn't asked, and the next
        batch finds out. Left open by the last one that waited, it would tell of an outage that is over."""
        if isinstance(error, Transient):
            self._circuit.failed(error)
            self._outages[_current()] = str(error)
        else:
            self._outages.pop(_current(), None)
            self._circuit.succeeded()
        is_open = self._circuit.reason is not None
        metrics.CIRCUIT_OPEN.labels(self._pipeline.service, self._pipeline.group).set(is_open)

    def _done(self, batch: Batch, handled: Handled) -> None:
        topic = batch[0].record.partition.topic
        self._ledger.settle(topic, Outcome.FOLDED, handled.folded)
        self._ledger.settle(topic, Outcome.SUPERSEDED, handled.superseded)
        self._ledger.settle(topic, Outcome.DONE, len(batch) - handled.folded - handled.superseded)
        self._limit.passed(batch)
        self._finish(batch)

    def _say(self, error: Exception, decision: Retry) -> None:
        kind = "outage" if decision.outage else "unknown"
        metrics.RETRIES.labels(self._pipeline.service, kind).inc()
        log.warning("will try again", kind=kind, error=str(error), error_type=type(error).__name__, wait=decision.delay)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        if self._stopping.is_set():
            raise Abandoned

    # ---- what can't succeed --------------------------------------------------------------------------------------

    async def _give_up(self, message: Message[Any], failure: Failure) -> None:
        """The dead letter, and what else is owed to those who wait for the record; awaited like any other output.

        Raises Halt where the topic's policy, or the limit on dead letters, has a person look first.
        """
        record = message.record
        topic = self._topics[record.partition.topic]
        structlog.contextvars.bind_contextvars(**_context([message]))
        if topic.name in self._pipeline.dead_letters.stop:
            raise Halt(
                f"{record.position} can't succeed (`{failure.code.value}`: {failure.message}), and the policy of "
                f"`{topic.name}` is to stop: mend the cause, then start the process anew"
            )
        self._limit.check(record, failure.code, failure.message)
        letter = dead_letter(
            record,
            failure,
            group=self._pipeline.group,
            service=self._pipeline.service,
            dlq_topic=topic.dlq.name,
        )
        log.error(
            "dead letter",
            position=record.position,
            code=failure.code.value,
            reason=failure.message,
            attempts=failure.attempts,
        )
        await self._deliver([letter, *self._told(message, failure)])
        metrics.DEAD_LETTERS.labels(self._pipeline.service, topic.name, failure.code.value).inc()
        self._ledger.settle(topic.name, Outcome.DEAD_LETTERED)
        self._finish([message])

    def _told(self, message: Message[Any], failure: Failure) -> list[Outgoing]:
        """What the pipeline says to those who wait for the record; a bug in that must not hold the dead letter back."""
        if isinstance(message.event, Undecodable):
            return []
        try:
            return encode(self._pipeline.on_failure(message, failure), self._pipeline.service)
        except Exception:
            log.exception("nobody was told of a failure")
            return []

    async def _deliver(self, outgoing: list[Outgoing]) -> None:
        """Publishes for as long as it takes; nothing may happen to these but to arrive."""
        outages, shortened = 0, False
        while True:
            try:
                return await self._publish(outgoing)
            except Transient as error:
                outages += 1
                self._outages[_current()] = str(error)
                again = Retry(self._pipeline.retry.wait(outages), outage=True)
                self._say(error, again)
                await self._sleep(again.delay)
            except Permanent as error:
                if shortened:
                    raise Fatal(f"a dead letter could not be written: {error}") from error
                outgoing, shortened = [without_value(outgoing[0]), *outgoing[1:]], True

    async def _publish(self, outgoing: list[Outgoing]) -> None:
        if outgoing:
            await self._producer.publish(outgoing)
            metrics.RECORDS_OUT.labels(self._pipeline.service).inc(len(outgoing))


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
