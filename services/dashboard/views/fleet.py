"""The fleet: what waits, and what was given up."""

from __future__ import annotations

from typing import Any

import streamlit as st

from services.dashboard import charts
from services.dashboard.answers import DeadLetters, Fleet
from services.dashboard.asking import ask
from services.dashboard.live import panel
from services.dashboard.views import tiles

_CLOCK = "YYYY-MM-DD HH:mm:ss"


def draw() -> None:
    """Raises Trouble."""
    fleet = ask(Fleet, "/fleet")
    st.title("Fleet")
    waiting, behind, dead = st.columns(3)
    waiting.metric("Records waiting", tiles.number(sum(lag.records for lag in fleet.lag)), border=True)
    behind.metric("Readers behind", tiles.number(sum(lag.records > 0 for lag in fleet.lag)), border=True)
    dead.metric("Dead letters", tiles.number(sum(one.records for one in fleet.dead_letters)), border=True)
    with panel("Lag by group and topic", "Records that a group hasn't read yet"):
        rows = [{"reader": f"{lag.group} ← {lag.topic}", "records": lag.records} for lag in fleet.lag]
        charts.bars(rows, "reader", "records")
    with panel("Dead letters by topic and code", "`cauce dlq` lists, redrives and discards them"):
        _dead_letters(fleet.dead_letters)


def _dead_letters(topics: tuple[DeadLetters, ...]) -> None:
    rows = [row for topic in topics if topic.records for row in _codes(topic)]
    if not rows:
        st.caption("none")
        return
    config = {"last_at": st.column_config.DatetimeColumn("last at, UTC", format=_CLOCK)}
    st.dataframe(rows, hide_index=True, column_config=config)


def _codes(topic: DeadLetters) -> list[dict[str, Any]]:
    """A topic whose codes aren't known still has its number."""
    codes = topic.codes or {"": topic.records}
    return [{"topic": topic.topic, "code": code, "records": n, "last_at": topic.last_at} for code, n in codes.items()]
