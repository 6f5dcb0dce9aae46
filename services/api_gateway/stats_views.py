"""What the API says about what goes on: in a stream, in all of them, in the fleet, with a company's documents."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from services.api_gateway.fleet_view import Fleet
from services.api_gateway.store import Totals
from services.api_gateway.stream_stats import Stats, percentile
from services.api_gateway.stream_views import TopView
from services.api_gateway.views import View
from shared.contracts.base import Instant
from shared.contracts.documents import Stage, State
from shared.contracts.fleet import LedgerLine
from shared.documents import Document
from shared.ledger import together

_AT = "2026-01-02T03:04:00.000Z"


class MinuteView(View):
    minute: Instant = Field(examples=[_AT])
    events: int = Field(examples=[6000])


class BucketView(View):
    """Values from `from` on, below `to`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    start: float = Field(alias="from", examples=[4.5])
    end: float = Field(alias="to", examples=[5.0])
    count: int = Field(examples=[412])


class DistributionView(View):
    """`field` is null where the stream has no number, or is the pipeline's own."""

    field: str | None = Field(examples=["rating"])
    buckets: tuple[BucketView, ...]


class LatencyView(View):
    """In milliseconds, of the last rows; null where none has come since this gateway started."""

    p50: int | None = Field(examples=[9])
    p95: int | None = Field(examples=[18])
    p99: int | None = Field(examples=[25])
    samples: int = Field(examples=[1000])


class StatsView(View):
    """`events_per_minute` are the last 60, the one that runs included. `rejected` counts dead letters by their code."""

    events_per_minute: tuple[MinuteView, ...]
    events_total: int = Field(examples=[1234567])
    distribution: DistributionView
    latency_ms: LatencyView
    rejected: dict[str, int] = Field(examples=[{"late": 3, "out_of_range": 1}])

    @classmethod
    def of(cls, stats: Stats) -> StatsView:
        shares = {name: percentile(stats.latencies, share) for name, share in _SHARES.items()}
        buckets = tuple(BucketView(start=one.start, end=one.end, count=one.count) for one in stats.buckets)
        return cls(
            events_per_minute=tuple(MinuteView(minute=one.start, events=one.events) for one in stats.per_minute),
            events_total=stats.total,
            distribution=DistributionView(field=stats.field, buckets=buckets),
            latency_ms=LatencyView(**shares, samples=len(stats.latencies)),
            rejected=dict(stats.rejected),
        )


_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class MetricsHealthView(View):
    status: Literal["ok", "degraded"]
    kafka_connected: bool
    last_update: Instant | None = Field(examples=[_AT])


class StreamSummaryView(View):
    """`windows` has the newest row of each table without groups, with the table's name."""

    name: str = Field(examples=["ratings"])
    events_total: int = Field(examples=[1234567])
    windows: tuple[dict[str, Any], ...] = Field(
        examples=[[{"table": "rating_metrics_1m", "window_start": _AT, "count": 6000, "avg_rating": 3.5}]]
    )


class SummaryView(View):
    streams: tuple[StreamSummaryView, ...]


class TopNView(TopView):
    stream: str = Field(examples=["ratings"])


class LagView(View):
    """Records that a consumer group has not finished."""

    group: str = Field(examples=["docproc"])
    topic: str = Field(examples=["documents.raw"])
    records: int = Field(examples=[0])


class LettersView(View):
    """Dead letters of a topic; `codes` of the newest 20,000 at least."""

    topic: str = Field(examples=["ratings.dlq"])
    records: int = Field(examples=[4])
    last_at: Instant | None = Field(examples=[_AT])
    codes: dict[str, int] = Field(examples=[{"late": 3, "out_of_range": 1}])


class ProcessView(View):
    """A process by its own word, a few seconds ago. Counters begin with the process; `problems` as its `/ready` has
    them, none when all is well; `warnings` are what a person should look at while it is ready."""

    service: str = Field(examples=["db_writer"])
    instance: str = Field(examples=["db_writer@host:4711:0f3c9a1e"])
    started_at: Instant = Field(examples=[_AT])
    reported_at: Instant = Field(examples=[_AT])
    problems: dict[str, str] = Field(examples=[{"mysql": "no answer within 2 s"}])
    warnings: dict[str, str] = Field(
        default_factory=dict, examples=[{"stream ratings": "the clock of broker 1 is 3600.0 s ahead of the gateway's"}]
    )
    records_in: int = Field(examples=[120_000])
    records_out: int = Field(examples=[118])
    retries: int = Field(examples=[3])
    dead_letters: int = Field(examples=[0])


class LedgerLineView(View):
    """What one consumer group made of the records of one topic, summed over the processes that are there: `read` is
    the sum of the others, and `imbalance` 0."""

    group: str = Field(examples=["db_writer.metrics"])
    topic: str = Field(examples=["processed.metrics.v1"])
    read: int = Field(examples=[120_000])
    done: int = Field(examples=[80_000])
    folded: int = Field(examples=[39_900])
    superseded: int = Field(examples=[0])
    skipped: int = Field(examples=[0])
    dead_lettered: int = Field(examples=[1])
    returned: int = Field(examples=[0])
    held: int = Field(examples=[99])
    imbalance: int = Field(examples=[0])

    @classmethod
    def of(cls, line: LedgerLine) -> LedgerLineView:
        return cls(**line.model_dump(), imbalance=line.imbalance)


class FleetStatusView(View):
    lag: tuple[LagView, ...]
    dead_letters: tuple[LettersView, ...]
    processes: tuple[ProcessView, ...]
    ledger: tuple[LedgerLineView, ...]

    @classmethod
    def of(cls, fleet: Fleet) -> FleetStatusView:
        return cls(
            lag=tuple(LagView(group=lag.group, topic=lag.topic, records=lag.records) for lag in fleet.lag),
            dead_letters=tuple(
                LettersView(topic=topic, records=found.records, last_at=found.last_at, codes=dict(found.codes))
                for topic, found in fleet.letters.items()
            ),
            processes=tuple(
                ProcessView.model_validate(report.model_dump(exclude={"ledger"})) for report in fleet.processes
            ),
            ledger=tuple(map(LedgerLineView.of, together(fleet.processes))),
        )


class FailureView(View):
    """A document that failed, and why."""

    document_id: str = Field(examples=["0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"])
    filename: str | None = Field(examples=["report.pdf"])
    code: str | None = Field(examples=["encrypted"])
    message: str | None = Field(examples=["the PDF is protected by a password"])
    at: Instant = Field(examples=[_AT])

    @classmethod
    def of(cls, document: Document) -> FailureView:
        return cls(
            document_id=document.document_id,
            filename=document.filename,
            code=document.reason.code if document.reason else None,
            message=document.reason.message if document.reason else None,
            at=document.updated_at,
        )


class OverviewView(View):
    """The company's documents. `in_flight_by_stage` tells which stage spoke last of those that are under way;
    `failures` are the newest."""

    by_state: dict[State, int] = Field(examples=[{"complete": 97, "failed": 2, "processing": 1}])
    in_flight_by_stage: dict[Stage, int] = Field(examples=[{"docproc": 1}])
    completed_last_minute: int = Field(examples=[12])
    failures: tuple[FailureView, ...]

    @classmethod
    def of(cls, totals: Totals, failed: tuple[Document, ...]) -> OverviewView:
        return cls(
            by_state=dict(totals.by_state),
            in_flight_by_stage=dict(totals.in_flight),
            completed_last_minute=totals.completed,
            failures=tuple(map(FailureView.of, failed)),
        )
