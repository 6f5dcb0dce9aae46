"""What Spark says about running queries, as heartbeats, metrics and alarms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
    StreamingQueryProgress,
)
from typing_extensions import override

from streaming import metrics
from streaming.chunk_counts import INPUT_METRICS

log = structlog.get_logger()


@dataclass
class Pulse:
    """Whether one query moves. An idle query beats once a second, a query whose start fails with every attempt."""

    ready: bool = False
    beaten: float = field(default_factory=time.monotonic)

    def beat(self, *, ready: bool) -> None:
        self.ready = ready
        self.beaten = time.monotonic()

    @property
    def silence_s(self) -> float:
        """Seconds without a word. Many of them mean that a batch hangs, whether or not there is input."""
        return time.monotonic() - self.beaten


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

    @override
    def onQueryIdle(self, event: QueryIdleEvent) -> None:
        self._pulses[self._names[str(event.runId)]].beat(ready=True)

    @override
    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:
        self._pulses[self._names.pop(str(event.runId))].beat(ready=False)


def record(query: str, progress: StreamingQueryProgress) -> None:
    """One batch in the metrics; rows that the watermark dropped are an error in the log too."""
    metrics.BATCHES.labels(query).observe(progress.durationMs.get("triggerExecution", 0) / 1000)
    metrics.ROWS.labels(query).inc(max(progress.numInputRows, 0))
    metrics.BEHIND.labels(query).set(max((_behind(source.metrics) for source in progress.sources), default=0))
    metrics.STATE_ROWS.labels(query).set(sum(operator.numRowsTotal for operator in progress.stateOperators))
    metrics.STATE_BYTES.labels(query).set(sum(operator.memoryUsedBytes for operator in progress.stateOperators))
    _record_invalid(query, progress)
    _record_dropped(query, progress)


def _behind(source_metrics: dict[str, str]) -> float:
    return float(source_metrics.get("maxOffsetsBehindLatest", 0))


def _record_invalid(query: str, progress: StreamingQueryProgress) -> None:
    observed = progress.observedMetrics.get(INPUT_METRICS)
    if observed is None or not observed["invalid"]:
        return
    metrics.INVALID.labels(query).inc(observed["invalid"])
    log.warning("invalid records left out", query=query, batch=progress.batchId, count=observed["invalid"])


def _record_dropped(query: str, progress: StreamingQueryProgress) -> None:
    dropped = sum(operator.numRowsDroppedByWatermark for operator in progress.stateOperators)
    if not dropped:
        return
    metrics.DROPPED.labels(query).inc(dropped)
    log.error(
        "records came too late to be counted: raise `CAUCE_STREAMING_WATERMARK` and `CAUCE_STREAMING_EPOCH`",
        query=query,
        batch=progress.batchId,
        groups=dropped,
        watermark=progress.eventTime.get("watermark"),
    )
