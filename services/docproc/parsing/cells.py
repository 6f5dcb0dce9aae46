"""The cells of a sheet as its reader would write them, whatever the workbook's format."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import chain

from services.docproc.parsing.writer import Writer

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def write_sheet(writer: Writer, name: str, rows: Iterator[list[str]]) -> None:
    """The sheet's name as a heading and its filled rows as a table; nothing at all for a sheet without cells."""
    filled = (row for row in rows if any(cell.strip() for cell in row))
    first = next(filled, None)
    if first is not None:
        writer.heading(2, name)
        writer.table(chain([first], filled))


def shown(cell: Cell) -> str:
    """Dates as in ISO 8601 without midnight, durations in hours, whole numbers without `.0`, 50 % as 0.5."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(round(cell, 10))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(cell, dt.timedelta):
        return _duration(cell)
    return str(cell)


def _duration(span: dt.timedelta) -> str:
    seconds = round(abs(span).total_seconds())
    sign = "-" if span < dt.timedelta() else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
