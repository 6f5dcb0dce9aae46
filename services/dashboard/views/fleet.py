"""The fleet: how its processes are, what waits, what was tried again, and what was given up."""

from __future__ import annotations

from typing import Any

import streamlit as st

from services.dashboard import charts
from services.dashboard.answers import DeadLetters, Fleet, LedgerLine, Process
from services.dashboard.asking import ask
from services.dashboard.live import panel
from services.dashboard.views import tiles

_CLOCK = "YYYY-MM-DD HH:mm:ss"


def draw() -> None:
    """Raises Trouble."""
    fleet = ask(Fleet, "/fleet")
    st.title("Fleet")
    well, waiting, tried, dead = st.columns(4)
    ready = sum(not process.problems for process in fleet.processes)
    well.metric("Processes ready", f"{ready} of {len(fleet.processes)}", border=True)
    waiting.metric("Records waiting", tiles.number(sum(lag.records for lag in fleet.lag)), border=True)
    tried.metric("Retries", tiles.number(sum(process.retries for process in fleet.processes)), border=True)
    dead.metric("Dead letters", tiles.number(sum(one.records for one in fleet.dead_letters)), border=True)
    with panel("Processes", "By their own word, every few seconds; counted since each began"):
        _processes(fleet.processes)
    with panel("Ledger", "What became of every record read: a line that doesn't balance is an alarm"):
        _ledger(fleet.ledger)
    with panel("Lag by group and topic", "Records that a group hasn't read yet"):
        rows = [{"reader": f"{lag.group} ← {lag.topic}", "records": lag.records} for lag in fleet.lag]
        charts.bars(rows, "reader", "records")
    with panel("Dead letters by topic and code", "The page of dead letters shows each with its reason"):
        _dead_letters(fleet.dead_letters)


def _processes(processes: tuple[Process, ...]) -> None:
    rows = [
        {
            "process": process.instance,
            "problems": "; ".join(f"{name}: {problem}" for name, problem in process.problems.items()) or "none",
            "warnings": "; ".join(f"{name}: {warning}" for name, warning in process.warnings.items()) or "none",
            "records in": process.records_in,
            "records out": process.records_out,
            "retries": process.retries,
            "dead letters": process.dead_letters,
            "since": process.started_at,
        }
        for process in processes
    ]
    if not rows:
        st.caption("none heard of yet")
        return
    config = {"since": st.column_config.DatetimeColumn("since, UTC", format=_CLOCK)}
    st.dataframe(rows, hide_index=True, column_config=config)


def _ledger(lines: tuple[LedgerLine, ...]) -> None:
    wrong = [f"{line.group} ← {line.topic}" for line in lines if line.imbalance]
    if wrong:
        st.error(f"doesn't balance: {', '.join(wrong)}. A record was forgotten, or counted twice")
    rows = [{name.replace("_", " "): value for name, value in line.model_dump().items()} for line in lines]
    if rows:
        st.dataframe(rows, hide_index=True)
    else:
        st.caption("nothing was read yet")


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
