"""The MySQL tables and views that follow from declarations; db_writer's allow-list is made of nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.streams.declaration import Stream, Type, Window, view_name
from shared.streams.expressions import Aggregate, Function
from shared.tables import Column, TopView, WindowTable

_WINDOW = (Column("window_start", "DATETIME(3) NOT NULL"), Column("window_end", "DATETIME(3) NOT NULL"))


def window_table(stream: Stream, window: Window) -> WindowTable:
    group = tuple(
        Column(name, f"{_key_type(stream.type_of(template), stream.length_of(template))} NOT NULL")
        for name, template in window.group_by.items()
    )
    values = tuple(
        Column(name, _value_type(stream, aggregate) + (" NOT NULL" if name == window.count else " NULL"))
        for name, aggregate in window.select.items()
    )
    return WindowTable(window.table, (*_WINDOW, *group), values, window.count, top_view(window))


def top_view(window: Window) -> TopView | None:
    if window.top is None:
        return None
    top = window.top
    then = top.then or tuple(name for name in window.group_by if name not in top.within)
    return TopView(view_name(window), top.n, top.column, top.by, then, top.within)


def tables(streams: Iterable[Stream]) -> Mapping[str, WindowTable]:
    """By name."""
    return {window.table: window_table(stream, window) for stream in streams for window in stream.windows}


def _key_type(kind: Type, length: int) -> str:
    match kind:
        case Type.STRING:
            return f"VARCHAR({length})"
        case Type.TIMESTAMP:
            return "DATETIME(3)"
        case Type.DOUBLE:
            return "DOUBLE"
        case Type.INT | Type.LONG | Type.BOOLEAN:
            return "BIGINT"


def _value_type(stream: Stream, aggregate: Aggregate) -> str:
    match aggregate.function:
        case Function.COUNT | Function.COUNT_DISTINCT:
            return "BIGINT"
        case Function.AVG:
            return "DOUBLE"
        case Function.SUM | Function.MIN | Function.MAX:
            return "BIGINT" if stream.fields[aggregate.fields[0]].type.whole else "DOUBLE"
