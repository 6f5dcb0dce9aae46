"""Workbooks whose numbers say more than there is, or less."""

from __future__ import annotations

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused
from tests.services.docproc.hostile.office_files import S, book, book_members, cell, relations, row, sheet_xml, zipped

CORRUPT, COMPLEX, TOO_LARGE, EMPTY = Code.CORRUPT, Code.TOO_COMPLEX, Code.TOO_LARGE, Code.EMPTY
_SOUND = sheet_xml(row(cell("A1")))
_DATES = (
    f'<styleSheet xmlns="{S}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
    "</styleSheet>"
)


def _cells(*cells: str) -> bytes:
    return book(sheet_xml(row(cell("A1"), *cells)))


def _corners(corner: str, number: int) -> bytes:
    return book(sheet_xml(row(cell("A1")) + row(cell(corner), number=number)))


def _shared(size: int, times: int) -> bytes:
    words = f'<sst xmlns="{S}"><si><t>{"river " * (size // 6)}</t></si></sst>'
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, times + 1))
    return book(sheet_xml(rows), xl__sharedStrings_xml=words)


def _many_sheets(count: int) -> bytes:
    members = book_members(_SOUND, names=(f"s{n}" for n in range(count)))
    same = relations(*(("worksheet", "worksheets/sheet1.xml") for _ in range(count)))
    return zipped(members | {"xl/_rels/workbook.xml.rels": same})


def _named(name: str) -> bytes:
    return zipped(book_members(_SOUND, names=(name,)))


def _without(part: str) -> bytes:
    return zipped({name: content for name, content in book_members(_SOUND).items() if name != part})


def _with_entity() -> bytes:
    entity = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file://{lures.secret_file()}">]>'
    return book(entity + sheet_xml(row(cell("A1"), cell("B1", "&amp;x;"))))


def _merged(count: int) -> bytes:
    merges = "".join('<mergeCell ref="A1:XFD1048576"/>' for _ in range(count))
    return book(_SOUND.replace("</worksheet>", f'<mergeCells count="{count}">{merges}</mergeCells></worksheet>'))


def _beside(kind: str, part: str, content: str, *, shows: str = "") -> bytes:
    """A sound sheet with a part beside it, whose only relation, `r1`, is to the part `shows`."""
    beside = {
        "xl/worksheets/_rels/sheet1.xml.rels": relations((kind, f"../{part}")),
        f"xl/_rels/{part}.rels": relations(("chart", shows)),
        f"xl/{part}": content,
    }
    return zipped(book_members(_SOUND) | beside)


def _charts(count: int, shows: str = "d.xml", filling: str = "") -> bytes:
    frames = '<c:chart xmlns:c="c" r:id="r1"/>' * count
    content = f'<d xmlns:r="r" xmlns:a="a">{frames}<a:p><a:t>{filling}</a:t></a:p></d>'
    return _beside("drawing", "d.xml", content, shows=shows)


def _commented(text: str, head: str = "") -> bytes:
    return _beside("comments", "c.xml", f'{head}<comments><comment ref="A1"><t>{text}</t></comment></comments>')


CASES: tuple[Hostile, ...] = (
    read("a drawing that shows itself as a chart", "self.xlsx", lambda: _charts(1)),
    refused(
        "a chart of 100 kB that is shown 1,000 times",
        "charts.xlsx",
        lambda: _charts(1_000, filling="x" * 100_000),
        TOO_LARGE,
    ),
    read(
        "a chart outside of the file", "away.xlsx", lambda: _charts(1, shows="../../../../etc/passwd"), hides=("root:",)
    ),
    refused("a comment of 3 million characters", "comment.xlsx", lambda: _commented("river " * 500_000), TOO_LARGE),
    either(
        "a comment with an entity of the host",
        "xxe.xlsx",
        lambda: _commented("&x;", f'<!DOCTYPE w [<!ENTITY x SYSTEM "file://{lures.secret_file()}">]>'),
        CORRUPT,
        hides=(lures.SECRET,),
    ),
    read("a comment in 100,000 elements", "deep.xlsx", lambda: _commented("<t>" * 100_000 + "x")),
    read(
        "a dimension of all cells there can be",
        "wide.xlsx",
        lambda: book(sheet_xml(row(cell("A1")), '<dimension ref="A1:XFD1048576"/>')),
    ),
    read(
        "a dimension beyond what there can be",
        "wide.xlsx",
        lambda: book(sheet_xml(row(cell("A1")), '<dimension ref="A1:ZZZZZZZ99999999999"/>')),
    ),
    either("two cells in opposite corners", "corners.xlsx", lambda: _corners("XFD1048576", 1_048_576), COMPLEX),
    read("two cells, a million rows apart", "rows.xlsx", lambda: _corners("A1048576", 1_048_576)),
    either("a cell in row 10^18", "rows.xlsx", lambda: _corners("A1000000000000000000", 10**18), CORRUPT, COMPLEX),
    either("a cell in column ZZZZZZZZ", "columns.xlsx", lambda: _cells(cell("ZZZZZZZZ1")), CORRUPT, COMPLEX),
    either("a cell without a place", "nowhere.xlsx", lambda: _cells('<c t="inlineStr"><is><t>x</t></is></c>'), CORRUPT),
    refused(
        "one string of 100 kB in 20,000 cells", "strings.xlsx", lambda: _shared(100_000, 20_000), TOO_LARGE, COMPLEX
    ),
    either(
        "a string that isn't among the shared ones",
        "index.xlsx",
        lambda: book(
            sheet_xml('<row r="1"><c r="A1" t="s"><v>4294967295</v></c></row>'),
            xl__sharedStrings_xml=f'<sst xmlns="{S}"/>',
        ),
        CORRUPT,
        EMPTY,
    ),
    read(
        "numbers that are none, or have no end",
        "numbers.xlsx",
        lambda: _cells(
            *(
                f'<c r="{column}1"><v>{value}</v></c>'
                for column, value in zip("BCDEF", ("NaN", "inf", "1e999", "-1e308", "0x9"), strict=True)
            )
        ),
    ),
    either("a number in words", "numbers.xlsx", lambda: _cells('<c r="B1"><v>ten</v></c>'), CORRUPT),
    *(
        either(
            f"a date of day {day}",
            "dates.xlsx",
            lambda day=day: book(  # type: ignore[misc]
                sheet_xml(row(cell("A1"), f'<c r="B1" s="1"><v>{day}</v></c>')), xl__styles_xml=_DATES
            ),
            CORRUPT,
        )
        for day in ("1e300", "-5", "99999999", "NaN")
    ),
    either("a style that isn't there", "style.xlsx", lambda: _cells('<c r="B1" s="99999"><v>1</v></c>'), CORRUPT),
    either("a date as text that is none", "date.xlsx", lambda: _cells('<c r="B1" t="d"><v>yesterday</v></c>'), CORRUPT),
    either("a type of cell that nobody knows", "type.xlsx", lambda: _cells('<c r="B1" t="soul"><v>1</v></c>'), CORRUPT),
    refused("20,000 sheets", "sheets.xlsx", lambda: _many_sheets(20_000), TOO_LARGE),
    either(
        "two sheets of one name", "same.xlsx", lambda: zipped(book_members(_SOUND, _SOUND, names=("a", "a"))), CORRUPT
    ),
    read("a sheet's name of 5 kB", "name.xlsx", lambda: _named("n" * 5_000)),
    read("a sheet's name with line ends and marks of direction", "name.xlsx", lambda: _named("a&#10;# b\u202e")),
    refused("no workbook", "none.xlsx", lambda: _without("xl/workbook.xml"), CORRUPT, EMPTY),
    either("no relations", "none.xlsx", lambda: _without("xl/_rels/workbook.xml.rels"), CORRUPT, EMPTY),
    refused("no sheet", "none.xlsx", lambda: _without("xl/worksheets/sheet1.xml"), CORRUPT, EMPTY),
    either("an entity of the host", "xxe.xlsx", _with_entity, CORRUPT, hides=(lures.SECRET,)),
    either(
        "rows in 100,000 elements",
        "deep.xlsx",
        lambda: book(sheet_xml("<a>" * 100_000 + row(cell("A1")))),
        CORRUPT,
        EMPTY,
    ),
    either(
        "a cell with 300,000 attributes",
        "attributes.xlsx",
        lambda: _cells('<c r="B1"' + "".join(f" a{n}=''" for n in range(300_000)) + "/>"),
        CORRUPT,
    ),
    read("100,000 ranges of all cells as one", "merged.xlsx", lambda: _merged(100_000)),
    read(
        "what starts a program in a spreadsheet, as text",
        "formula.xlsx",
        lambda: _cells('<c r="B1" t="str"><f>cmd|\'/c calc\'!A0</f><v>=cmd</v></c>'),
        RIVER,
        "=cmd",
        hides=("calc",),
    ),
    either("a sheet that is cut off", "cut.xlsx", lambda: book(_SOUND[:-40]), CORRUPT, EMPTY),
    read("a cell of 120,000 characters", "long.xlsx", lambda: _cells(cell("B1", "river " * 20_000))),
)
