"""Keeps each query of each declared stream running: caught up first, then in its mode; anew after a failure or a reset.

1. ask       the stream's epoch, whether the topic is the one that the query's checkpoint came from, and how far it is
             behind
2. catch up  in one micro-batch, where that is much, or where the epoch is a new one
3. truncate  after a reset: the rows of older epochs may go now, since the new ones are there
4. run       until the end is asked for, or the epoch changes
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from shared.contracts.metrics import MetricRow
from shared.errors import Lasting, Transient
from shared.kafka.client import Connection, offset_ranges
from shared.kafka.records import Outgoing
from shared.kafka.transport import Producer
from shared.streams.plan import Kind, QueryPlan
from shared.topics import PROCESSED_METRICS
from streaming.archive import ArchivedTopic
from streaming.backlog import behind
from streaming.control import Control
from streaming.driver import Driver
from streaming.logs import Logs
from streaming.progress import Pulse
from streaming.queries import Query

log = structlog.get_logger()

RETRY_AT_MOST_S = 30.0
LONG_RUN_S = 60.0
FIRST_EPOCH = 1


class Runner:
    """`run` of each plan is a job; `halt` ends the queries of one stream, which then begin anew; `stop` ends all."""

    def __init__(
        self,
        driver: Driver,
        connection: Connection,
        producer: Producer,
        pulses: Mapping[str, Pulse],
        *,
        logs: Logs,
        catch_up_records: int,
    ) -> None:
        self._logs = logs
        self._driver = driver
        self._connection = connection
        self._producer = producer
        self._pulses = pulses
        self._catch_up_records = catch_up_records
        self._halts: dict[str, dict[str, threading.Event]] = {}
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True
        self._driver.stop()

    def halt(self, name: str) -> None:
        """The queries of a stream, or the one of an archive."""
        for event in self._halts.get(name, {}).values():
            event.set()

    async def run(self, plan: QueryPlan, control: Control) -> None:
        """Until `stop`. A failure of this query concerns no other: it is told, waited for and tried again."""
        await self._keep_running(plan.name, lambda: self._once(plan, control))

    async def run_archive(self, archived: ArchivedTopic) -> None:
        """Until `stop`, as `run`."""
        await self._keep_running(archived.query_name, lambda: self._archive_once(archived))

    async def _archive_once(self, archived: ArchivedTopic) -> None:
        halt = threading.Event()
        self._halts.setdefault(archived.query_name, {})[archived.query_name] = halt
        adopted = await self._logs.in_force(archived.topic.name)
        await self._driver.run_archive(replace(archived, incarnation=adopted.incarnation), halt)

    async def _keep_running(self, query: str, once: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping:
            async for attempt in self._attempts(query):
                with attempt:
                    await self._run_for_long(query, once)

    async def _run_for_long(self, query: str, once: Callable[[], Awaitable[None]]) -> None:
        """A failure after a long run is none of a row of failures, each of which waits longer than the one before."""
        begun = time.monotonic()
        try:
            await once()
        except Transient as error:
            if time.monotonic() - begun < LONG_RUN_S:
                raise
            self._tell(query, error)

    def _attempts(self, query: str) -> AsyncRetrying:
        def tell(state: RetryCallState) -> None:
            self._tell(query, state.outcome.exception() if state.outcome else None)

        return AsyncRetrying(
            retry=retry_if_exception_type(Transient),
            wait=wait_random_exponential(multiplier=0.5, max=RETRY_AT_MOST_S),
            before_sleep=tell,
        )

    def _tell(self, query: str, error: BaseException | None) -> None:
        self._pulses[query].fail(str(error), lasting=isinstance(error, Lasting))
        log.warning("the query failed and is started anew", query=query, error=str(error))

    async def _once(self, plan: QueryPlan, control: Control) -> None:
        halt = threading.Event()
        self._halts.setdefault(plan.stream.name, {})[plan.name] = halt
        applied = await control.in_force(plan.stream.name)
        query = Query(plan, applied.epoch, applied.floor)
        await self._logs.check(query, await self._driver.committed(query))
        if plan.stateful:
            await self._catch_up(query, halt)
        if self._stopping or halt.is_set():
            return
        if plan.kind is Kind.WINDOWS and query.epoch > FIRST_EPOCH:
            await self._truncate(query)
        log.info("the query runs", query=plan.name, epoch=query.epoch, mode=plan.mode.value)
        await self._run(query, halt)

    async def _run(self, query: Query, halt: threading.Event) -> None:
        leaving = asyncio.create_task(self._logs.leave_marks(query, self._driver.committed))
        try:
            await self._driver.run(query, halt)
        finally:
            leaving.cancel()
            await asyncio.wait({leaving})
        if not leaving.cancelled():
            leaving.result()

    async def _catch_up(self, query: Query, halt: threading.Event) -> None:
        """A new epoch always in micro-batches, which write each row once and whole: until then readers see the old."""
        while not (self._stopping or halt.is_set()):
            done = await self._driver.committed(query)
            records = behind(done, await offset_ranges(self._connection, [query.source.name]))
            fresh = done is None and query.epoch > FIRST_EPOCH
            if not records or (records < self._catch_up_records and not fresh):
                return
            log.info("catching up in one micro-batch", query=query.name, records=records)
            await self._driver.catch_up(query, halt)

    async def _truncate(self, query: Query) -> None:
        """One record a table: db_writer keeps what it says in the store, so that no order of partitions matters."""
        await self._producer.publish([_truncation(window.table, query) for window in query.plan.windows])


def _truncation(table: str, query: Query) -> Outgoing:
    since = None if query.floor is None else datetime.fromtimestamp(query.floor / 1000, UTC)
    row = MetricRow(table=table, epoch=query.epoch, control="truncate", since=since)
    value = row.to_json()
    return Outgoing(PROCESSED_METRICS.name, f"{table}|truncate".encode(), value)
