"""Workbooks of Excel, of today and of before 2007."""

from __future__ import annotations

import struct

import pytest

from services.docproc.parsing import Limits
from shared.errors import Code, Permanent
from tests.services.docproc.parsing.compound import compound
from tests.services.docproc.parsing.old_workbooks import old, record
from tests.services.docproc.parsing.reading import Read
from tests.services.docproc.parsing.test_office import XLSX, workbook

XLS = "application/vnd.ms-excel"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
FORMATS = (0, 14, 46, 10, 20)  # general, date, [h]:mm:ss, 0.00 %, h:mm


def styled(cells: str) -> dict[str, str]:
    """A workbook of one row; the style of a cell is its place in FORMATS."""
    formats = "".join(f'<xf numFmtId="{number}"/>' for number in FORMATS)
    styles = f'<styleSheet xmlns="{MAIN}"><cellXfs>{formats}</cellXfs></styleSheet>'
    return workbook(S=f"<row>{cells}</row>") | {"xl/styles.xml": styles}


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ('<c r="A1" s="1"><v>44911</v></c>', "2022-12-16"),
        ('<c r="A1" s="1"><v>44911.5</v></c>', "2022-12-16 12:00:00"),
        ('<c r="A1" s="2"><v>1.5</v></c>', "36:00:00"),
        ('<c r="A1" s="3"><v>0.125</v></c>', "0.125"),
        ('<c r="A1" s="4"><v>0.5</v></c>', "12:00:00"),
        ('<c r="A1"><v>1e20</v></c>', "1e+20"),
        ('<c r="A1"><v>0.30000000000000004</v></c>', "0.3"),
        ('<c r="A1" t="str"><f>B1</f><v>result</v></c>', "result"),
        ('<c r="A1"><v>1</v></c><c r="B1" t="e"><v>#DIV/0!</v></c><c r="C1"><v>2</v></c>', "1 |  | 2"),
    ],
)
def test_a_cell_is_written_as_its_reader_would(read: Read, cell: str, shown: str) -> None:
    """Dates as in ISO 8601, durations in hours, shares as they are stored; the error of a formula leaves a gap."""
    assert read(XLSX, styled(cell)).text.split("\n")[2] == f"| {shown} |"


def test_hidden_sheets_and_merged_cells_are_read(read: Read) -> None:
    """A hidden sheet is a page like any other; what is merged stands once, in its first cell."""
    rows = "".join(
        f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>{first}</t></is></c><c r="B{row}"><v>{row}</v></c></row>'
        for row, first in ((1, "merged"), (2, ""))
    )
    members = workbook(Seen="", Unseen=rows)
    members["xl/workbook.xml"] = members["xl/workbook.xml"].replace('sheetId="2"', 'sheetId="2" state="veryHidden"')
    part = "xl/worksheets/s2.xml"
    merged = '</sheetData><mergeCells><mergeCell ref="A1:A2"/></mergeCells>'
    members[part] = members[part].replace("</sheetData>", merged)
    (page,) = read(XLSX, members).pages
    assert (page.number, page.text) == (2, "## Unseen\n\n| merged | 1 |\n| --- | --- |\n|  | 2 |")


NUMBER = record(0x203, struct.pack("<HHHd", 0, 0, 0, 3.0))
DATE = record(0x203, struct.pack("<HHHd", 0, 1, 1, 44911.0))
LABEL = record(0x204, struct.pack("<HHHHB", 1, 0, 0, 5, 0) + b"Cauce")
ERROR = record(0x205, struct.pack("<HHHBB", 1, 1, 0, 7, 1))
PASSWORD = record(0x2F, struct.pack("<HHH", 1, 1, 1) + bytes(48))


@pytest.mark.parametrize("name", ["Workbook", "Book"])
def test_an_old_workbook_is_read_like_one_of_today(read: Read, name: str) -> None:
    """Sheets are pages, hidden ones too and after empty ones, with numbers, dates and texts as in XLSX."""
    content = old((b"Blank", b""), (b"Rivers", NUMBER + DATE + LABEL + ERROR), name=name)
    extracted = read(XLS, content)
    assert extracted.page_count == 2
    assert [(page.number, page.text) for page in extracted.pages] == [
        (2, "## Rivers\n\n| 3 | 2022-12-16 |\n| --- | --- |\n| Cauce |  |")
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (old((b"Rivers", NUMBER), password=PASSWORD), Code.ENCRYPTED),
        (old((b"Blank", b"")), Code.EMPTY),
        (old((b"Rivers", NUMBER))[:3000], Code.CORRUPT),
        (old((b"Rivers", NUMBER))[:700], Code.CORRUPT),
        (old((b"Rivers", NUMBER), password=record(0x85, b"\1")), Code.CORRUPT),  # too short for what it lists
        (compound({"Workbook": b"x" * 5000}), Code.CORRUPT),
        (compound({"WordDocument": b"x" * 5000}), Code.CORRUPT),
    ],
)
def test_refusals_of_old_workbooks_name_their_reason(read: Read, content: bytes, code: Code) -> None:
    """A password, no cells, a file that was cut, and other files in the same container are told apart."""
    with pytest.raises(Permanent) as caught:
        read(XLS, content)
    assert caught.value.code is code


def test_an_old_workbook_has_limits_too(read: Read) -> None:
    """More sheets or text than allowed are refused."""
    content = old((b"A", NUMBER), (b"B", LABEL))
    for limits in (Limits(max_pages=1), Limits(max_chars=20)):
        with pytest.raises(Permanent) as caught:
            read(XLS, content, limits)
        assert caught.value.code is Code.TOO_LARGE
