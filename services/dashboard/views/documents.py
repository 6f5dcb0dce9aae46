"""The documents: what is under way, what was done, what failed and why."""

from __future__ import annotations

from typing import Any

import streamlit as st

from services.dashboard import charts
from services.dashboard.answers import Documents, Overview
from services.dashboard.asking import ask
from services.dashboard.live import panel
from services.dashboard.views import tiles

NEWEST = 50
REMEMBERED = 60
_HISTORY = "completed"
_CLOCK = "YYYY-MM-DD HH:mm:ss"


def draw() -> None:
    """Raises Trouble where the overview isn't known; the list of documents tells its own."""
    overview = ask(Overview, "/overview")
    st.title("Documents")
    _tiles(overview)
    left, right = st.columns(2)
    with left, panel("In flight, by stage"):
        charts.bars(_counted(overview.in_flight_by_stage, "stage"), "stage", "documents")
    with right, panel("All, by state"):
        charts.bars(_counted(overview.by_state, "state"), "state", "documents")
    with panel("Failures", "Each has a dead letter that says the same"):
        _table([failure.model_dump() for failure in overview.failures], "at")
    with panel("Newest documents"):
        _newest()


def _tiles(overview: Overview) -> None:
    history: list[int] = st.session_state.setdefault(_HISTORY, [])
    history[:] = [*history, overview.completed_last_minute][-REMEMBERED:]
    flying, rate, done, failed = st.columns(4)
    flying.metric("In flight", tiles.number(sum(overview.in_flight_by_stage.values())), border=True, height="stretch")
    with rate:
        tiles.over_time("Completed in the last minute", tiles.number(history[-1]), history)
    done.metric("Complete", tiles.number(overview.by_state.get("complete", 0)), border=True, height="stretch")
    failed.metric("Failed", tiles.number(overview.by_state.get("failed", 0)), border=True, height="stretch")


def _counted(counts: dict[str, int], what: str) -> list[dict[str, Any]]:
    return [{what: name, "documents": count} for name, count in counts.items()]


def _newest() -> None:
    documents = ask(Documents, "/documents", limit=NEWEST).documents
    rows = [
        {
            "document": one.name or one.filename or one.document_id,
            "state": one.state,
            "stage": one.stage,
            "pages": one.counts.pages,
            "chunks": one.counts.chunks,
            "type": one.media_type,
            "received_at": one.received_at,
            "updated_at": one.updated_at,
        }
        for one in documents
    ]
    _table(rows, "received_at", "updated_at")


def _table(rows: list[dict[str, Any]], *times: str) -> None:
    if not rows:
        st.caption("none")
        return
    config = {name: st.column_config.DatetimeColumn(f"{name.replace('_', ' ')}, UTC", format=_CLOCK) for name in times}
    st.dataframe(rows, hide_index=True, column_config=config)
