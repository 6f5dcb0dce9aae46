"""Workbooks: each sheet a page, its cells a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from services.docproc.parsing import refusals
from services.docproc.parsing.archive import Archive, opened
from services.docproc.parsing.cells import shown, write_sheet
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.writer import Writer
from services.docproc.parsing.xlsx_beside import Beside, beside
from shared.contracts.kinds import Kind
from shared.errors import Code, Permanent

KIND = "workbook"
NOTHING: Mapping[str, Beside] = MappingProxyType({})
_PARSED = (".xml", ".rels", ".bin", ".vml")


def read(path: Path, limits: Limits) -> Extracted:
    """Sheets by their position from 1, hidden ones too; text boxes, charts and comments come after the cells.

    A sheet without any of these adds no page.
    """
    with opened(path, KIND, limits) as archive:
        _check(archive)
        found, warnings = _beside(archive)
    return read_workbook(path, limits, found, warnings)


def read_workbook(
    path: Path, limits: Limits, found: Mapping[str, Beside] = NOTHING, warnings: tuple[str, ...] = ()
) -> Extracted:
    """Whichever format of Excel's it is; `found` is by the sheets' names.

    Raises Permanent: `encrypted`, `corrupt` or `too_large`.
    """
    writer = Writer(limits)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheets = workbook.sheets_metadata
            _check_number(len(sheets), limits)
            for number, sheet in enumerate(sheets, start=1):
                if sheet.typ is SheetTypeEnum.WorkSheet:
                    rows = workbook.get_sheet_by_name(sheet.name).iter_rows()
                    write_sheet(writer, sheet.name, (list(map(shown, row)) for row in rows))
                if sheet.name in found:
                    _write_beside(writer, found[sheet.name])
                writer.end_page(number)
    except PasswordError as error:
        raise refusals.encrypted(KIND) from error
    except CalamineError as error:
        raise refusals.corrupt(KIND, str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what Rust raises where its code meets what it can't handle
            raise
        raise refusals.corrupt(KIND, str(error)) from error
    return Extracted(tuple(writer.pages), len(sheets), warnings=warnings)


def _check_number(sheets: int, limits: Limits) -> None:
    if sheets > limits.max_pages:
        raise refusals.too_large("pages", limits.max_pages)


def _check(archive: Archive) -> None:
    """Unpacks every member once: the cap is on the bytes that are there, not on those that are claimed."""
    for name in archive.names():
        if name.lower().endswith(_PARSED):
            archive.read(name)


def _beside(archive: Archive) -> tuple[Mapping[str, Beside], tuple[str, ...]]:
    """Cells are worth reading where this is not to be read."""
    found: dict[str, Beside] = {}
    try:
        found.update(beside(archive))
    except Permanent as error:
        if error.code is not Code.CORRUPT:
            raise
        return found, (f"Text boxes, charts or comments were left out: {error}",)
    return found, ()


def _write_beside(writer: Writer, found: Beside) -> None:
    for text in found.drawn:
        writer.block(text)
    with writer.marked(Kind.NOTES):
        for text in found.comments:
            writer.block(text)
