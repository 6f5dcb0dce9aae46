"""The questions about window tables. Names come from the declarations alone; values are always parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.api_gateway.window_store import RowsWanted, TopWanted, Value
from shared.tables import WindowTable

START = "window_start"
MOST_TOP_ROWS = 10_000
Question = tuple[str, list[Value]]


def names(table: WindowTable) -> list[str]:
    return [column.name for column in table.columns]


def rows(wanted: RowsWanted) -> Question:
    """In the order of the primary key, backwards, which is how it is found without a sort."""
    conditions, values = _equal(wanted.where)
    key = [column.name for column in wanted.table.key]
    if wanted.since is not None:
        conditions, values = [*conditions, f"`{START}` >= %s"], [*values, wanted.since]
    if wanted.until is not None:
        conditions, values = [*conditions, f"`{START}` < %s"], [*values, wanted.until]
    if wanted.after is not None:
        place = f"({_listed(key)}) < ({', '.join(['%s'] * len(key))})"
        conditions, values = [*conditions, f"`{START}` <= %s", place], [*values, wanted.after[0], *wanted.after]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = ", ".join(f"`{name}` DESC" for name in key)
    columns = _listed(names(wanted.table))
    statement = f"SELECT {columns} FROM `{wanted.table.name}`{where} ORDER BY {order} LIMIT %s"  # noqa: S608
    return statement, [*values, wanted.limit]


def top(wanted: TopWanted) -> Question:
    """As the view has it, but within one window, so that no other is ranked."""
    view, columns = wanted.top, _listed(names(wanted.table))
    within = f"PARTITION BY {_listed(view.within)} " if view.within else ""
    order = ", ".join([f"`{view.by}` DESC", *(f"`{name}`" for name in view.then)])
    ranked = (
        f"SELECT {columns}, ROW_NUMBER() OVER ({within}ORDER BY {order}) AS `{view.rank}` "  # noqa: S608
        f"FROM `{wanted.table.name}` WHERE `{START}` = %s"
    )
    conditions, values = _equal(wanted.where)
    where = " AND ".join([f"`{view.rank}` <= %s", *conditions])
    sort = _listed([*view.within, view.rank])
    statement = f"SELECT * FROM ({ranked}) AS ranked WHERE {where} ORDER BY {sort} LIMIT {MOST_TOP_ROWS}"  # noqa: S608
    return statement, [wanted.start, wanted.n, *values]


def latest(table: WindowTable) -> Question:
    return f"SELECT MAX(`{START}`) FROM `{table.name}`", []  # noqa: S608


def _equal(where: Mapping[str, Value]) -> tuple[list[str], list[Value]]:
    return [f"`{name}` = %s" for name in where], list(where.values())


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)
