"""The gateway's answers, as far as the pages use them. Fields that are unknown here are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TopDeclared(Answer):
    """The ranking of a window table."""

    n: int
    by: str
    rank: str
    within: tuple[str, ...] = ()


class WindowDeclared(Answer):
    """A window table; `select` has the aggregate of each column, such as `avg(rating)`."""

    table: str
    window_type: str
    group_by: tuple[str, ...] = ()
    select: dict[str, str]
    count: str
    top: TopDeclared | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """What to draw over time: all aggregates but the count, or the count where there is nothing else."""
        return tuple(name for name in self.select if name != self.count) or (self.count,)


class StreamDeclared(Answer):
    name: str
    description: str | None = None
    topic: str
    windows: tuple[WindowDeclared, ...] = ()
    readings: str | None = None
    mode: str = ""


class Streams(Answer):
    streams: tuple[StreamDeclared, ...]


class Minute(Answer):
    minute: datetime
    events: int


class Bucket(Answer):
    """A range of numbers."""

    start: float = Field(alias="from")
    end: float = Field(alias="to")
    count: int


class Distribution(Answer):
    """No field where the stream has no number."""

    field: str | None
    buckets: tuple[Bucket, ...] = ()


class Latency(Answer):
    """Milliseconds from an event's record to its row; null before there was one."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    samples: int = 0


class Stats(Answer):
    """Of one stream. `rejected` counts refused events by code."""

    events_per_minute: tuple[Minute, ...] = ()
    distribution: Distribution | None = None
    latency_ms: Latency | None = None
    rejected: dict[str, int] = Field(default_factory=dict)
    events_total: int | None = None

    @property
    def latency(self) -> Latency:
        return self.latency_ms or Latency()


class WindowPage(Answer):
    """Rows of a window table, the newest first."""

    rows: tuple[Mapping[str, Any], ...]


class Top(Answer):
    window_start: datetime | None = None
    rows: tuple[Mapping[str, Any], ...]


class Failure(Answer):
    document_id: str
    filename: str | None = None
    code: str | None = None
    message: str | None = None
    at: datetime | None = None


class Overview(Answer):
    """The documents of one company."""

    by_state: dict[str, int] = Field(default_factory=dict)
    in_flight_by_stage: dict[str, int] = Field(default_factory=dict)
    completed_last_minute: int = 0
    failures: tuple[Failure, ...] = ()


class Counts(Answer):
    pages: int | None = None
    chunks: int | None = None


class Document(Answer):
    document_id: str
    filename: str | None = None
    name: str | None = None
    media_type: str | None = None
    state: str
    stage: str
    counts: Counts = Counts()
    received_at: datetime | None = None
    updated_at: datetime


class Documents(Answer):
    documents: tuple[Document, ...]


class Lag(Answer):
    group: str
    topic: str
    records: int


class DeadLetters(Answer):
    topic: str
    records: int
    last_at: datetime | None = None
    codes: dict[str, int] = Field(default_factory=dict)


class Process(Answer):
    service: str
    instance: str
    started_at: datetime
    problems: dict[str, str] = Field(default_factory=dict)
    warnings: dict[str, str] = Field(default_factory=dict)
    records_in: int
    records_out: int
    retries: int
    dead_letters: int


class LedgerLine(Answer):
    group: str
    topic: str
    read: int
    done: int
    folded: int
    superseded: int
    skipped: int
    dead_lettered: int
    returned: int
    held: int
    imbalance: int


class Fleet(Answer):
    lag: tuple[Lag, ...] = ()
    dead_letters: tuple[DeadLetters, ...] = ()
    processes: tuple[Process, ...] = ()
    ledger: tuple[LedgerLine, ...] = ()


class Kind(Answer):
    """How many dead letters of one topic, code and service are in each state."""

    topic: str
    code: str
    service: str
    open: int
    unfinished: int
    redriven: int
    discarded: int
    oldest: datetime | None = None


class Kinds(Answer):
    kinds: tuple[Kind, ...] = ()


class Letter(Answer):
    identity: str
    state: str
    failures: int
    topic: str
    service: str
    code: str
    message: str
    key: str | None = None
    failed_at: datetime


class Letters(Answer):
    dead_letters: tuple[Letter, ...]
    total: int


class WholeLetter(Letter):
    """With its content: `value` where it is JSON, else `value_text`."""

    first_failed_at: datetime
    recorded_at: datetime
    headers: dict[str, str] = Field(default_factory=dict)
    value: Any = None
    value_text: str | None = None
    status_path: str | None = None
    action: dict[str, Any] | None = None


class Left(Answer):
    identity: str
    why: str


class Moved(Answer):
    identity: str
    position: str


class Outcome(Answer):
    """What became of the dead letters that somebody acted upon."""

    redriven: tuple[Moved, ...] = ()
    found: tuple[Moved, ...] = ()
    discarded: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    advice: tuple[str, ...] = ()
