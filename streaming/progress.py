"""What Spark says about running queries, as heartbeats, metrics and alarms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
    StreamingQueryProgress,
)
from pyspark.sql.streaming.query import StreamingQuery
from typing_extensions import override

from shared.errors import Code
from streaming import metrics
from streaming.untimely import RecentShare
from streaming.validate import CODES, VERDICTS

log = structlog.get_logger()

LOOK_EVERY_S = 5.0


@dataclass
class Pulse:
    """Whether one query moves, as far as can be seen from outside: its batches end, or its tasks run."""

    ready: bool = False
    problem: str = "not started yet"
    every_s: float = 0.0
    """Between two signs of one that is well, where that is long."""
    beaten: float = field(default_factory=time.monotonic)
    failed: bool = False
    """Since it was ready last: its problem stays to be seen while it is tried again."""
    lasting: bool = False
    """Whether the next try will fail like the last one."""
    untimely: RecentShare = field(default_factory=RecentShare)
    """Of a query that judges events."""

    def beat(self, *, ready: bool) -> None:
        self.ready = ready
        self.beaten = time.monotonic()
        if ready:
            self.problem, self.failed, self.lasting = "", False, False
        elif not self.failed:
            self.problem = "the query has not answered since its last start"

    def begin(self) -> None:
        """From now on silence counts."""
        self.beaten = time.monotonic()

    def fail(self, problem: str, *, lasting: bool = False) -> None:
        """A query that is tried again and again moves, in its way."""
        self.beat(ready=False)
        self.problem, self.failed, self.lasting = problem, True, lasting

    @property
    def seldom(self) -> bool:
        """Whether a query that is well may be silent for longer than somebody waits for it."""
        return self.every_s > LOOK_EVERY_S

    @property
    def overdue_s(self) -> float:
        return self.silence_s - self.every_s

    @property
    def silence_s(self) -> float:
        """Seconds without a sign. Many of them mean that a batch hangs, whether or not there is input."""
        return time.monotonic() - self.beaten


class Watch:
    """Looks after a query in Real-Time Mode, which tells nothing between the ends of its batches, minutes apart: all
    of its tasks run at once, so it is seen whether they do."""

    def __init__(self, session: SparkSession, running: StreamingQuery, slots: int) -> None:
        self._tracker = session.sparkContext.statusTracker()
        self._group = str(running.runId)
        self._slots = slots
        self._running = running
        self._next = 0.0

    def look(self, pulse: Pulse) -> None:
        """Of a query that takes turns it is seen that a long batch works; whether it is ready, its batches tell."""
        if time.monotonic() < self._next:
            return
        if pulse.seldom and not pulse.ready and self._between_triggers():
            pulse.beat(ready=True)
        active = self._active()
        if active and active >= self._slots:
            pulse.beat(ready=pulse.ready or self._slots > 0)
        if pulse.ready or not (self._slots or pulse.seldom):
            self._next = time.monotonic() + LOOK_EVERY_S

    def _between_triggers(self) -> bool:
        """Whether it has come through one, with or without records, and waits for the next."""
        status = self._running.status
        return not status["isTriggerActive"] and status["message"].startswith("Waiting")

    def _active(self) -> int:
        jobs = (self._tracker.getJobInfo(job) for job in self._tracker.getJobIdsForGroup(self._group))
        stages = {stage for job in jobs if job is not None and job.status == "RUNNING" for stage in job.stageIds}
        infos = (self._tracker.getStageInfo(stage) for stage in stages)
        return sum(info.numActiveTasks for info in infos if info is not None)


class ProgressListener(StreamingQueryListener):
    """Called on a thread of its own; Spark's event queue waits for it, so it does nothing slow."""

    def __init__(self, pulses: Mapping[str, Pulse]) -> None:
        self._pulses = pulses
        self._names: dict[str, str] = {}

    @override
    def onQueryStarted(self, event: QueryStartedEvent) -> None:
        self._names[str(event.runId)] = str(event.name)

    @override
    def onQueryProgress(self, event: QueryProgressEvent) -> None:
        progress = event.progress
        name = self._names[str(progress.runId)]
        self._pulses[name].beat(ready=True)
        record(name, progress)
        record_untimely(name, progress, self._pulses[name].untimely)

    @override
    def onQueryIdle(self, event: QueryIdleEvent) -> None:
        self._pulses[self._names[str(event.runId)]].beat(ready=True)

    @override
    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:
        self._pulses[self._names.pop(str(event.runId))].beat(ready=False)


def record(query: str, progress: StreamingQueryProgress) -> None:
    """One batch in the metrics; rows that the watermark dropped are an error in the log too."""
    metrics.BATCHES.labels(query).observe(progress.durationMs.get("triggerExecution", 0) / 1000)
    metrics.INPUT_RATE.labels(query).set(progress.inputRowsPerSecond)
    metrics.ROWS.labels(query).inc(max(progress.numInputRows, 0))
    metrics.BEHIND.labels(query).set(max((_behind(source.metrics) for source in progress.sources), default=0))
    metrics.STATE_ROWS.labels(query).set(sum(operator.numRowsTotal for operator in progress.stateOperators))
    metrics.STATE_BYTES.labels(query).set(sum(operator.memoryUsedBytes for operator in progress.stateOperators))
    if "watermark" in progress.eventTime:
        watermark = datetime.fromisoformat(progress.eventTime["watermark"])
        metrics.WATERMARK.labels(query).set(watermark.timestamp())
    _record_refused(query, progress)
    _record_dropped(query, progress)


def _behind(source_metrics: dict[str, str]) -> float:
    return float(source_metrics.get("maxOffsetsBehindLatest", 0))


def _record_refused(query: str, progress: StreamingQueryProgress) -> None:
    observed = progress.observedMetrics.get(VERDICTS)
    refused = {code: observed[code] for code in CODES if observed[code]} if observed else {}
    for code, count in refused.items():
        metrics.REFUSED.labels(query, code).inc(count)
    if refused:
        counts = {code.value: count for code, count in refused.items()}
        log.warning("events refused: they are in the dead letters", query=query, batch=progress.batchId, **counts)


def record_untimely(query: str, progress: StreamingQueryProgress, share: RecentShare) -> None:
    """Of a query that judges events; Spark tells of others, and of a batch without records, no verdicts."""
    observed = progress.observedMetrics.get(VERDICTS)
    if observed and observed["rows"]:
        share.add(observed["rows"], observed[Code.LATE] + observed[Code.FUTURE])
        metrics.UNTIMELY.labels(query).set(share.value)


def _record_dropped(query: str, progress: StreamingQueryProgress) -> None:
    dropped = sum(operator.numRowsDroppedByWatermark for operator in progress.stateOperators)
    if not dropped:
        return
    metrics.DROPPED.labels(query).inc(dropped)
    log.error(
        "records came after their window's state was gone: raise `event_time.skew`, then `cauce streams reset STREAM`",
        query=query,
        batch=progress.batchId,
        groups=dropped,
        watermark=progress.eventTime.get("watermark"),
    )
