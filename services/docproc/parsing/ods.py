"""OpenDocument spreadsheets: each sheet a page, its cells a table."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from lxml import etree

from services.docproc.parsing.cells import shown, write_sheet
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.odf import (
    OFFICE,
    PARAGRAPH,
    TABLE,
    body,
    cells_of,
    grid,
    package,
    paragraph_text,
    row_count,
    rows_of,
)
from services.docproc.parsing.odf_flow import Flow, Styles
from services.docproc.parsing.writer import Writer

_NUMBERS = frozenset({"float", "currency", "percentage"})
_SPAN = re.compile(r"(-?)PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?$")


def read(path: Path, limits: Limits) -> Extracted:
    """Sheets by their position from 1, hidden ones too; comments, text boxes and charts come after the cells.

    A sheet without any of these adds no page. What LibreOffice keeps of other files' sheets is left out.
    """
    writer = Writer(limits)
    with package(path, "workbook", limits) as archive:
        sheets = [each for each in body(archive, "spreadsheet").iterchildren(f"{TABLE}table") if not _is_copy(each)]
        flow = Flow(writer, archive, Styles([]))
        for number, sheet in enumerate(sheets, start=1):
            write_sheet(writer, sheet.get(f"{TABLE}name", ""), _rows(sheet))
            flow.write_beside(sheet)
            flow.write_notes()
            writer.end_page(number)
    return Extracted(tuple(writer.pages), len(sheets))


def _is_copy(sheet: etree._Element) -> bool:
    return sheet.get(f"{TABLE}name", "").startswith("'file:")


def _rows(sheet: etree._Element) -> Iterator[list[str]]:
    """The rows as they are seen, without the empty columns at both edges."""
    stored = [(cells_of(row, _shown), row_count(row)) for row in rows_of(sheet)]
    filled = [(cells, count) for cells, count in stored if cells]
    left = min((next(index for index, cell in enumerate(cells) if cell) for cells, _ in filled), default=0)
    for cells, (_, count) in zip(grid([cells[left:] for cells, _ in filled]), filled, strict=True):
        yield from repeat(cells, count)


def _shown(cell: etree._Element) -> str:
    """By the stored value; by the text that is shown where that is no valid value, as for the error of a formula."""
    kind = cell.get(f"{OFFICE}value-type", "")
    try:
        if kind in _NUMBERS:
            return shown(float(cell.get(f"{OFFICE}value", "")))
        if kind == "date":
            return shown(dt.datetime.fromisoformat(cell.get(f"{OFFICE}date-value", "")))
        if kind == "time":
            return shown(_span(cell.get(f"{OFFICE}time-value", "")))
        if kind == "boolean":
            return shown({"true": True, "false": False}[cell.get(f"{OFFICE}boolean-value", "")])
    except (ValueError, KeyError, OverflowError):
        pass
    return " ".join(map(paragraph_text, cell.iterchildren(PARAGRAPH)))


def _span(value: str) -> dt.timedelta:
    found = _SPAN.match(value)
    if found is None:
        raise ValueError(value)
    hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:])
    span = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -span if found[1] else span
