"""Window rows: checked against their table's declaration, and folded to one per key."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from shared.contracts.base import to_utc_milliseconds
from shared.contracts.metrics import Cell, MetricRow
from shared.errors import Code, Permanent
from shared.tables import Column, WindowTable

Value = str | int | float | datetime | None
Convert = Callable[[Cell], Value]
NO_TIME = "must be a time with its zone, such as `2026-01-02T03:04:05.678Z`"
BIGINT = range(-(2**63), 2**63)


class Row(NamedTuple):
    """Values in the order of the table's columns; times in UTC without a zone, as DATETIME holds them.

    The version is (epoch, count): of one key the greatest stays.
    """

    table: WindowTable
    version: tuple[int, int]
    values: tuple[Value, ...]

    @property
    def key(self) -> tuple[Any, ...]:
        """Sorts like the primary key, well enough to give all writers one order of locks."""
        return self.values[: len(self.table.key)]

    @property
    def epoch(self) -> int:
        return self.version[0]

    @property
    def window_start(self) -> Any:
        """A datetime: every key begins with it."""
        return self.values[0]


def newest(rows: Iterable[Row]) -> list[Row]:
    """One row per table and key: the one of the greatest version, of equal ones the last; sorted by table and key."""
    kept: dict[tuple[str, tuple[Any, ...]], Row] = {}
    for row in rows:
        place = (row.table.name, row.key)
        known = kept.get(place)
        if known is None or row.version >= known.version:
            kept[place] = row
    return [kept[place] for place in sorted(kept)]


class Shape:
    """A table's declaration, prepared for checking many rows."""

    def __init__(self, table: WindowTable) -> None:
        self.table = table
        self._declared = {column.name for column in table.columns}
        self._required = {column.name for column in table.columns if not column.nullable}
        self._converters = [(column.name, _converter(column)) for column in table.columns]
        self._count = [column.name for column in table.columns].index(table.count)

    def row(self, event: MetricRow) -> Row:
        """Columns that may be null may be missing: a writer may follow an older declaration.

        Raises Permanent(STORE_REJECTED) where a cell or a column isn't as declared.
        """
        cells = event.columns
        if cells.keys() != self._declared:
            self._check_names(cells)
        try:
            values = tuple([convert(cells.get(name)) for name, convert in self._converters])
        except (ValueError, OverflowError):
            raise self._culprit(cells) from None
        count = values[self._count]
        return Row(self.table, (event.epoch, count if isinstance(count, int) else 0), values)

    def _check_names(self, cells: Mapping[str, Cell]) -> None:
        if missing := self._required - cells.keys():
            raise self._refused(f" needs columns that are missing: {_names(missing)}")
        if unknown := {name for name in cells.keys() - self._declared if not name.startswith("_")}:
            raise self._refused(f" has no such columns: {_names(unknown)}")

    def _culprit(self, cells: Mapping[str, Cell]) -> Permanent:
        """Names the first column that can't hold its cell."""
        for name, convert in self._converters:
            try:
                convert(cells.get(name))
            except (ValueError, OverflowError) as error:
                return self._refused(f".`{name}`: {error}")
        raise AssertionError("one of the cells was refused")

    def _refused(self, why: str) -> Permanent:
        return Permanent(Code.STORE_REJECTED, f"`{self.table.name}`{why}")


def checked(event: MetricRow, shapes: Mapping[str, Shape]) -> Row:
    """Raises Permanent(STORE_REJECTED), or Permanent(UNKNOWN_TABLE)."""
    return shape_of(event, shapes).row(event)


def shape_of(event: MetricRow, shapes: Mapping[str, Shape]) -> Shape:
    """`shapes` is the allow-list. Raises Permanent(UNKNOWN_TABLE)."""
    shape = shapes.get(event.table)
    if shape is None:
        raise Permanent(Code.UNKNOWN_TABLE, f"`_table_name` is not a declared table: `{event.table[:100]}`")
    return shape


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name[:64]}`" for name in sorted(names)[:10])


def _converter(column: Column) -> Convert:
    convert = _of_type(column.sql)
    return (lambda cell: None if cell is None else convert(cell)) if column.nullable else convert


def _of_type(sql: str) -> Convert:
    """By the SQL type's first word. A type that isn't known here is a mistake in the declaration, not in a record."""
    kind, length = re.match(r"(\w+)(?:\((\d+)\))?", sql).groups()  # type: ignore[union-attr]
    match kind.upper():
        case "DATETIME":
            return _moment
        case "BIGINT":
            return _integer
        case "DOUBLE":
            return _number
        case "VARCHAR":
            longest = int(length)
            return lambda cell: _text(cell, longest)
    raise NotImplementedError(f"shared/streams/tables.py makes a type that db_writer can't check: `{sql}`")


def _moment(cell: Cell) -> datetime:
    if isinstance(cell, str):
        return _parsed(cell)
    raise ValueError(NO_TIME)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> datetime:
    """Rows of one window come in great numbers, so that most times have been read before."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(NO_TIME)
    if not 1000 <= moment.year <= 9998:
        raise ValueError("lies outside the years 1000 to 9998")
    return naive(moment)


def naive(moment: datetime) -> datetime:
    """In UTC, to the millisecond, without a zone."""
    return to_utc_milliseconds(moment).astimezone(UTC).replace(tzinfo=None)


def _integer(cell: Cell) -> int:
    if not isinstance(cell, int) or cell not in BIGINT:
        raise ValueError("must be a whole number of 64 bits")
    return int(cell)


def _number(cell: Cell) -> float:
    if not isinstance(cell, int | float) or not math.isfinite(cell):
        raise ValueError("must be a finite number")
    return float(cell)


def _text(cell: Cell, length: int) -> str:
    if not isinstance(cell, str) or len(cell) > length:
        raise ValueError(f"must be a text of at most {length} characters")
    return cell
