"""Workbooks: each sheet a page, its cells a table."""

from __future__ import annotations

from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from services.docproc.parsing import refusals
from services.docproc.parsing.archive import opened
from services.docproc.parsing.cells import shown, write_sheet
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.writer import Writer

KIND = "workbook"
_PARSED = (".xml", ".rels", ".bin", ".vml")


def read(path: Path, limits: Limits) -> Extracted:
    """Sheets by their position from 1, hidden ones too; a sheet without cells adds no page."""
    _check(path, limits)
    return read_workbook(path, limits)


def read_workbook(path: Path, limits: Limits) -> Extracted:
    """The same, whichever format of Excel's it is. Raises Permanent: `encrypted`, `corrupt` or `too_large`."""
    writer = Writer(limits)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheets = workbook.sheets_metadata
            _check_number(len(sheets), limits)
            for number, sheet in enumerate(sheets, start=1):
                if sheet.typ is SheetTypeEnum.WorkSheet:
                    rows = workbook.get_sheet_by_name(sheet.name).iter_rows()
                    write_sheet(writer, sheet.name, (list(map(shown, row)) for row in rows))
                writer.end_page(number)
    except PasswordError as error:
        raise refusals.encrypted(KIND) from error
    except CalamineError as error:
        raise refusals.corrupt(KIND, str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what Rust raises where its code meets what it can't handle
            raise
        raise refusals.corrupt(KIND, str(error)) from error
    return Extracted(tuple(writer.pages), len(sheets))


def _check_number(sheets: int, limits: Limits) -> None:
    if sheets > limits.max_pages:
        raise refusals.too_large("pages", limits.max_pages)


def _check(path: Path, limits: Limits) -> None:
    """Unpacks every member once: the cap is on the bytes that are there, not on those that are claimed."""
    with opened(path, KIND, limits) as archive:
        for name in archive.names():
            if name.lower().endswith(_PARSED):
                archive.read(name)
