"""Numbers in frames."""

from __future__ import annotations

import streamlit as st

from services.dashboard.answers import Stats

NONE = "–"


def number(value: float | None) -> str:
    """`12,345`, or a dash."""
    return NONE if value is None else f"{value:,.0f}"


def milliseconds(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f} ms"


def over_time(label: str, value: str, history: list[int], *, border: bool = True) -> None:
    """A number and how it came to be that."""
    st.metric(label, value, chart_data=history or None, chart_type="area", border=border)


def refused(stats: Stats) -> int:
    return sum(stats.rejected.values())


def events_now(stats: Stats, *, border: bool = True) -> None:
    """The running minute, over the last sixty."""
    events = [minute.events for minute in stats.events_per_minute]
    now = number(events[-1]) if events else NONE
    over_time("Events in this minute", now, events, border=border)


def row_of(stats: Stats) -> None:
    """The tiles on top of a stream's page."""
    first, second, third, fourth = st.columns(4)
    with first:
        events_now(stats)
    second.metric("Events in all", number(stats.events_total), border=True, height="stretch")
    latency = stats.latency
    third.metric("Event to row, median", milliseconds(latency.p50), border=True, height="stretch")
    fourth.metric("Refused", number(refused(stats)), border=True, height="stretch")
