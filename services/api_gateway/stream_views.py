"""What the API says about declared streams."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import Field

from services.api_gateway.taking import Tally
from services.api_gateway.views import View
from shared.contracts.base import Instant
from shared.streams.declaration import FieldDeclaration, Mode, Stream, Window
from shared.streams.tables import top_view
from shared.streams.units import milliseconds


class RejectionView(View):
    """`index` counts the request's events from 0, `line` the lines of NDJSON from 1."""

    index: int = Field(examples=[3])
    line: int | None = Field(default=None, examples=[4])
    code: str = Field(examples=["out_of_range"])
    detail: str = Field(examples=["out of range: `rating`"])


class EventsView(View):
    """`accepted` events are in Kafka, on all in-sync replicas. At most 100 of the `rejected` ones are told."""

    stream: str = Field(examples=["ratings"])
    accepted: int = Field(examples=[999])
    rejected: int = Field(examples=[1])
    errors: tuple[RejectionView, ...] = ()

    @classmethod
    def of(cls, stream: str, tally: Tally) -> EventsView:
        errors = tuple(RejectionView(**asdict(rejection)) for rejection in tally.errors)
        return cls(stream=stream, accepted=tally.accepted, rejected=tally.rejected, errors=errors)


class TopDeclaredView(View):
    """`n` rows of each window, and of each value of `within` in it: `by` descending, then `then` ascending."""

    view: str = Field(examples=["movie_metrics_1m_top10"])
    n: int = Field(examples=[10])
    by: str = Field(examples=["count"])
    rank: str = Field(examples=["top_10"])
    within: tuple[str, ...] = ()
    then: tuple[str, ...] = Field(default=(), examples=[["movieId"]])


class WindowView(View):
    """A window table. `select` says what is computed, `count` which of its columns counts the events."""

    table: str = Field(examples=["movie_metrics_1m"])
    window_type: str = Field(examples=["tumbling_1min"])
    size_ms: int = Field(examples=[60000])
    slide_ms: int = Field(examples=[60000])
    group_by: tuple[str, ...] = Field(examples=[["movieId"]])
    select: dict[str, str] = Field(examples=[{"count": "count(*)", "avg_rating": "avg(rating)"}])
    count: str = Field(examples=["count"])
    top: TopDeclaredView | None = None
    publish: str | None = Field(default=None, examples=["metrics"], description="the topic for readers outside")

    @classmethod
    def of(cls, window: Window) -> WindowView:
        top = top_view(window)
        return cls(
            table=window.table,
            window_type=window.window_type,
            size_ms=milliseconds(window.size),
            slide_ms=milliseconds(window.step),
            group_by=tuple(window.group_by),
            select=window.model_dump(mode="json")["select"],
            count=window.count,
            top=TopDeclaredView(view=top.name, n=top.n, by=top.by, rank=top.rank, within=top.within, then=top.then)
            if top
            else None,
            publish=window.publish.topic if window.publish else None,
        )


class StreamView(View):
    """A declared stream. `readings` is the collection of its clean events; `key` the field that is the records' key."""

    name: str = Field(examples=["ratings"])
    description: str | None = Field(default=None, examples=["Films rated by users"])
    topic: str = Field(examples=["ratings"])
    key: str | None = Field(default=None, examples=["userId"])
    accepts_events: bool = Field(examples=[True], description="whether `POST /events/{stream}` takes any")
    fields: dict[str, FieldDeclaration]
    event_time: str = Field(examples=["timestamp"])
    windows: tuple[WindowView, ...]
    readings: str | None = Field(default=None, examples=["sound_readings_clean"])
    mode: Mode = Field(examples=["realtime"])

    @classmethod
    def of(cls, stream: Stream) -> StreamView:
        return cls(
            name=stream.name,
            description=stream.description,
            topic=stream.topic_name,
            key=stream.topic.key,
            accepts_events=not stream.of_pipeline,
            fields=stream.fields,
            event_time=stream.event_time.field,
            windows=tuple(map(WindowView.of, stream.windows)),
            readings=stream.readings.collection if stream.readings else None,
            mode=stream.mode,
        )


class StreamsView(View):
    streams: tuple[StreamView, ...]


_ROW = {"window_start": "2026-01-02T03:04:00.000Z", "window_end": "2026-01-02T03:05:00.000Z", "movieId": 42, "count": 7}


class RowsView(View):
    """`next` is the cursor of the next page, null on the last."""

    table: str = Field(examples=["movie_metrics_1m"])
    rows: tuple[dict[str, Any], ...] = Field(examples=[[_ROW]])
    next: str | None = None


class TopView(View):
    """One window's first rows, with their rank; no window where the table has no row."""

    table: str = Field(examples=["movie_metrics_1m"])
    window_start: Instant | None
    window_end: Instant | None
    rows: tuple[dict[str, Any], ...] = Field(examples=[[{**_ROW, "top_10": 1}]])


class ReadingsView(View):
    """Each has the fields of its event, `event_time`, `received_at` (its record's timestamp) and `position`."""

    collection: str = Field(examples=["sound_readings_clean"])
    rows: tuple[dict[str, Any], ...]
