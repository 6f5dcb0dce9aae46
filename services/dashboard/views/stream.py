"""The page of one declared stream, built from its declaration."""

from __future__ import annotations

import streamlit as st

from services.dashboard import charts
from services.dashboard.answers import Distribution, Stats, StreamDeclared, WindowDeclared
from services.dashboard.asking import ask, declared
from services.dashboard.live import noticed, panel
from services.dashboard.views import tables, tiles


def draw(name: str) -> None:
    """Raises Trouble where the declarations aren't known; each part of the page tells its own."""
    stream = next(one for one in declared() if one.name == name)
    _head(stream)
    stats: Stats | None = None
    with noticed():
        stats = ask(Stats, f"/streams/{name}/stats")
        _arrivals(stats)
    for window in stream.windows:
        _window(name, window)
    if stats:
        _details(stats)


def _head(stream: StreamDeclared) -> None:
    st.title(stream.name)
    kept = f" · readings: `{stream.readings}`" if stream.readings else ""
    st.markdown(f"{stream.description or ''}  \n:gray[topic: `{stream.topic}` · {stream.mode}{kept}]")


def _arrivals(stats: Stats) -> None:
    tiles.row_of(stats)
    with panel("Events per minute"):
        charts.bars_by_minute([minute.model_dump() for minute in stats.events_per_minute], "minute", "events")


def _window(name: str, window: WindowDeclared) -> None:
    if window.top is None:
        with panel(f"{window.table}: {window.window_type}"):
            tables.windows(name, window)
        return
    left, right = st.columns(2)
    with left, panel(f"{window.table}: {window.window_type}"):
        tables.windows(name, window)
    with right, panel(f"Top {window.top.n} by {window.top.by}"):
        tables.top(name, window, window.top)


def _details(stats: Stats) -> None:
    spread, latency, refused = st.columns(3)
    with spread:
        _distribution(stats)
    with latency, panel("Event to row, in ms", "From the timestamp of an event's record to its row on the way out"):
        _latency(stats)
    with refused, panel("Refused events by code", "Invalid, late and future events: each is a dead letter"):
        codes = sorted(stats.rejected.items(), key=lambda pair: -pair[1])
        charts.bars([{"code": code, "events": count} for code, count in codes], "code", "events", warning=True)


def _distribution(stats: Stats) -> None:
    spread = stats.distribution or Distribution(field=None)
    with panel(f"Distribution of {spread.field}" if spread.field else "Distribution", "Of the newest events"):
        charts.histogram([bucket.model_dump() for bucket in spread.buckets], "start", "end", "count")


def _latency(stats: Stats) -> None:
    known = {name: getattr(stats.latency, name) for name in ("p50", "p95", "p99")}
    rows = [{"percentile": name, "ms": value} for name, value in known.items() if value is not None]
    charts.bars(rows, "percentile", "ms")
    st.caption(" · ".join(f"{row['percentile']} {tiles.milliseconds(row['ms'])}" for row in rows))
