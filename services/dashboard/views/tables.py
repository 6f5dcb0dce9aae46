"""Rows of window tables, as lines over time and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from services.dashboard import charts
from services.dashboard.answers import Top, TopDeclared, WindowDeclared, WindowPage
from services.dashboard.asking import ask

NEWEST = 200
MOST_LINES = 8
START, END = "window_start", "window_end"
_CLOCK = "YYYY-MM-DD HH:mm"

Row = dict[str, Any]


def windows(stream: str, window: WindowDeclared) -> None:
    """Lines over time where they can be told apart, and the rows themselves where there are groups. Raises Trouble."""
    page = ask(WindowPage, f"/streams/{stream}/windows", table=window.table, limit=NEWEST)
    rows = [_timed(dict(row)) for row in page.rows]
    if not rows:
        st.caption("nothing yet")
        return
    if window.group_by:
        _grouped(rows, window)
    else:
        charts.lines(_by_measure(rows, window), START, "series", "value")


def _grouped(rows: Sequence[Row], window: WindowDeclared) -> None:
    if len({_group(row, window) for row in rows}) <= MOST_LINES:
        measure = _typical(window)
        st.caption(f"{measure}: {window.select[measure]}")
        points = [{START: row[START], "series": _group(row, window), "value": row[measure]} for row in rows]
        charts.lines(points, START, "series", "value")
    _table(rows, (START, *window.group_by, *window.select), {})


def top(stream: str, window: WindowDeclared, declared: TopDeclared) -> None:
    """The newest window's ranking. Raises Trouble."""
    ranking = ask(Top, f"/streams/{stream}/top", table=window.table, window="latest", n=declared.n)
    rows = [_timed(dict(row)) for row in ranking.rows]
    most = max((row[declared.by] for row in rows), default=1) or 1
    bar = st.column_config.ProgressColumn(declared.by, format="%d", min_value=0, max_value=most)
    columns = (declared.rank, *window.group_by, *window.select)
    _table(rows, columns, {declared.by: bar})
    if ranking.window_start:
        st.caption(f"window from {ranking.window_start:%Y-%m-%d %H:%M} UTC")


def _table(rows: Sequence[Row], columns: Sequence[str], special: dict[str, ColumnConfig]) -> None:
    if not rows:
        st.caption("nothing yet")
        return
    config: dict[str, Any] = {START: st.column_config.DatetimeColumn("window from, UTC", format=_CLOCK), **special}
    st.dataframe(rows, hide_index=True, height=300, column_order=columns, column_config=config)


def _timed(row: Row) -> Row:
    """Times as such, so that charts and tables know them."""
    return {name: datetime.fromisoformat(value) if name in (START, END) else value for name, value in row.items()}


def _group(row: Row, window: WindowDeclared) -> str:
    return " · ".join(str(row[name]) for name in window.group_by)


def _typical(window: WindowDeclared) -> str:
    """The column that says most about a group: an average where there is one."""
    return next((name for name, what in window.select.items() if what.startswith("avg(")), window.measures[0])


def _by_measure(rows: Sequence[Row], window: WindowDeclared) -> list[Row]:
    return [{START: row[START], "series": name, "value": row[name]} for row in rows for name in window.measures]
