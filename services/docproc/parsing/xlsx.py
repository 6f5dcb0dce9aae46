"""Workbooks: each sheet a page, its cells a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from services.docproc.parsing import refusals
from services.docproc.parsing.archive import opened
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.writer import Writer

_KIND = "workbook"
_PARSED = (".xml", ".rels", ".bin", ".vml")
_Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def read(path: Path, limits: Limits) -> Extracted:
    """Sheets by their position from 1, hidden ones too; a sheet without cells adds no page."""
    _check(path, limits)
    writer = Writer(limits)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheets = workbook.sheets_metadata
            if len(sheets) > limits.max_pages:
                raise refusals.too_large("pages", limits.max_pages)
            for number, sheet in enumerate(sheets, start=1):
                if sheet.typ is SheetTypeEnum.WorkSheet:
                    _write(writer, sheet.name, workbook.get_sheet_by_name(sheet.name).iter_rows())
                writer.end_page(number)
    except PasswordError as error:
        raise refusals.encrypted(_KIND) from error
    except CalamineError as error:
        raise refusals.corrupt(_KIND, str(error)) from error
    return Extracted(tuple(writer.pages), len(sheets))


def _check(path: Path, limits: Limits) -> None:
    """Unpacks every member once: the cap is on the bytes that are there, not on those that are claimed."""
    with opened(path, _KIND, limits) as archive:
        for name in archive.names():
            if name.lower().endswith(_PARSED):
                archive.read(name)


def _write(writer: Writer, name: str, rows: Iterator[list[_Cell]]) -> None:
    shown = ([_shown(cell) for cell in row] for row in rows)
    filled = (row for row in shown if any(row))
    first = next(filled, None)
    if first is not None:
        writer.heading(2, name)
        writer.table(chain([first], filled))


def _shown(cell: _Cell) -> str:
    """As a reader of the sheet would write it: no `.0` on whole numbers, no midnight on dates."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(round(cell, 10))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ").removesuffix(" 00:00:00")
    return str(cell)
