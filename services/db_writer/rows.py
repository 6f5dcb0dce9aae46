"""Window rows: checked against their table's declaration, and folded to one per key."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.contracts.base import to_utc_milliseconds
from shared.contracts.metrics import Cell, MetricRow
from shared.errors import Code, Permanent
from shared.tables import Column, WindowTable

Value = str | int | float | datetime | None
BIGINT = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Row:
    """Values in the order of the table's columns; times in UTC without a zone, as DATETIME holds them."""

    table: WindowTable
    epoch: int
    values: tuple[Value, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Sorts like the primary key, well enough to give all writers one order of locks."""
        return tuple(str(value) for value in self.values[: len(self.table.key)])

    @property
    def version(self) -> tuple[int, int]:
        """(epoch, count): of one key the greatest stays."""
        place = [column.name for column in self.table.columns].index(self.table.count)
        count = self.values[place]
        return self.epoch, count if isinstance(count, int) else 0


def newest(rows: Iterable[Row]) -> list[Row]:
    """One row per table and key: the one of the greatest version, of equal ones the last; sorted by table and key."""
    kept: dict[tuple[str, tuple[str, ...]], Row] = {}
    for row in rows:
        place = (row.table.name, row.key)
        if place not in kept or row.version >= kept[place].version:
            kept[place] = row
    return [kept[place] for place in sorted(kept)]


def checked(event: MetricRow, tables: Mapping[str, WindowTable]) -> Row:
    """Raises Permanent(UNKNOWN_TABLE), or Permanent(STORE_REJECTED) where the columns aren't the declared ones."""
    table = tables.get(event.table)
    if table is None:
        raise Permanent(Code.UNKNOWN_TABLE, f"`_table_name` is not a declared table: `{event.table[:100]}`")
    cells = {name: cell for name, cell in event.columns.items() if not name.startswith("_")}
    _same_names(table, cells)
    return Row(table, event.epoch, tuple(_value(table, column, cells[column.name]) for column in table.columns))


def _same_names(table: WindowTable, cells: Mapping[str, Cell]) -> None:
    declared = {column.name for column in table.columns}
    if missing := declared - cells.keys():
        raise Permanent(Code.STORE_REJECTED, f"`{table.name}` needs columns that are missing: {_names(missing)}")
    if unknown := cells.keys() - declared:
        raise Permanent(Code.STORE_REJECTED, f"`{table.name}` has no such columns: {_names(unknown)}")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name[:64]}`" for name in sorted(names)[:10])


def _value(table: WindowTable, column: Column, cell: Cell) -> Value:
    if cell is None and "NOT NULL" not in column.sql.upper():
        return None
    try:
        return _converter(column.sql)(cell)
    except (ValueError, OverflowError) as error:
        raise Permanent(Code.STORE_REJECTED, f"`{table.name}`.`{column.name}`: {error}") from None


def _converter(sql: str) -> Callable[[Cell], Value]:
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
            return lambda cell: _text(cell, int(length))
    raise NotImplementedError(f"shared/tables.py declares a type that db_writer can't check: `{sql}`")


def _moment(cell: Cell) -> datetime:
    moment = datetime.fromisoformat(cell) if isinstance(cell, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("must be a time with its zone, such as `2026-01-02T03:04:05.678Z`")
    if not 1000 <= moment.year <= 9998:
        raise ValueError("lies outside the years 1000 to 9998")
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
