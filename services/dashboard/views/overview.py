"""The front page: a tile per stream, and the documents in one line."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from services.dashboard.answers import Overview, Stats, StreamDeclared
from services.dashboard.asking import ask, declared
from services.dashboard.live import noticed
from services.dashboard.views import tiles

IN_A_ROW = 3


def draw(pages: Mapping[str, StreamlitPage]) -> None:
    """Raises Trouble where the streams aren't known; each tile tells its own."""
    st.title("Cauce")
    with noticed():
        _documents()
    streams = declared()
    for first in range(0, len(streams), IN_A_ROW):
        for column, stream in zip(st.columns(IN_A_ROW), streams[first : first + IN_A_ROW], strict=False):
            with column.container(border=True, height="stretch"):
                _tile(stream, pages[stream.name])


def _documents() -> None:
    overview = ask(Overview, "/overview")
    flying, done, failed = st.columns(3)
    flying.metric("Documents in flight", tiles.number(sum(overview.in_flight_by_stage.values())), border=True)
    done.metric("Completed in the last minute", tiles.number(overview.completed_last_minute), border=True)
    failed.metric("Failed", tiles.number(overview.by_state.get("failed", 0)), border=True)


def _tile(stream: StreamDeclared, page: StreamlitPage) -> None:
    st.page_link(page, label=f"**{stream.name}**")
    st.caption(stream.description or stream.topic)
    with noticed():
        stats = ask(Stats, f"/streams/{stream.name}/stats")
        tiles.events_now(stats, border=False)
        left, right = st.columns(2)
        left.metric("Event to row", tiles.milliseconds(stats.latency.p50))
        right.metric("Refused", tiles.number(tiles.refused(stats)))
