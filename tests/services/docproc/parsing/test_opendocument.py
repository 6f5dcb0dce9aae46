"""OpenDocument texts, sheets and slides."""

from __future__ import annotations

import pytest

from services.docproc.parsing import Heading, Limits
from shared.errors import Code, Permanent
from tests.services.docproc.parsing.opendocument import (
    box,
    cell,
    comment,
    content,
    manifest,
    opendocument,
    paragraph,
    row,
    table,
)
from tests.services.docproc.parsing.reading import Read

OASIS = "application/vnd.oasis.opendocument"
ODT, ODS, ODP = f"{OASIS}.text", f"{OASIS}.spreadsheet", f"{OASIS}.presentation"


def heading(text: str, level: int) -> str:
    return f'<text:h text:outline-level="{level}">{text}</text:h>'


def listed(*items: str) -> str:
    return f"<text:list>{''.join(f'<text:list-item>{each}</text:list-item>' for each in items)}</text:list>"


def note(text: str, kind: str) -> str:
    body = f"<text:note-citation>1</text:note-citation><text:note-body>{paragraph(text)}</text:note-body>"
    return f'<text:note text:note-class="{kind}">{body}</text:note>'


def test_a_paragraph_holds_what_the_page_shows(read: Read) -> None:
    """Runs of spaces, tabs, breaks, links and inserted text are there; white space between tags and readings aren't."""
    text = (
        "  a\n  <text:span>b</text:span> <text:s text:c='3'/>c<text:tab/>d<text:line-break/>e"
        "<text:change-start/>inserted<text:change-end/> <text:a>link</text:a>"
        "<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>kan</text:ruby-text></text:ruby>"
    )
    assert read(ODT, opendocument("text", paragraph(text))).text == "a b    c\td\neinserted link漢"


def test_deleted_text_stays_out(read: Read) -> None:
    """What was deleted under the eyes of a reviewer is still stored, and isn't read."""
    deleted = f"<text:tracked-changes><text:deletion>{paragraph('gone')}</text:deletion></text:tracked-changes>"
    extracted = read(ODT, opendocument("text", deleted + paragraph("kept")))
    assert extracted.text == "kept"


def test_headings_and_lists_keep_their_levels(read: Read) -> None:
    """Headings by their outline level, the title and styled paragraphs by their style; lists by their nesting."""
    styles = (
        '<style:style style:name="Title" style:family="paragraph"/>'
        '<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>'
        '<style:style style:name="P2" style:family="paragraph" style:default-outline-level="3"/>'
    )
    body = paragraph("The river", "P1") + listed(listed(heading("Banks", 2))) + paragraph("styled", "P2")
    body += listed(paragraph("one") + paragraph("still one") + listed(paragraph("deeper")), paragraph("two"))
    (page,) = read(ODT, opendocument("text", body + paragraph("after"), styles=styles)).pages
    assert page.text == "# The river\n\n## Banks\n\n### styled\n\n- one\n   still one\n  - deeper\n- two\n\nafter"
    assert [(each.level, each.title) for each in page.headings] == [(1, "The river"), (2, "Banks"), (3, "styled")]


def test_tables_boxes_headers_and_notes_are_read(read: Read) -> None:
    """Headers come first, then the text with its boxes, then footers, footnotes, endnotes and comments."""
    merged = '<table:covered-table-cell table:number-columns-repeated="1"/>'
    body = table(
        f"<table:table-header-rows>{row(cell('h'), cell('i'), cell('j'))}</table:table-header-rows>",
        row(cell("a", 'table:number-columns-spanned="2"'), merged, cell("b" + note("in a cell", "footnote"))),
    )
    body += paragraph(f"p{note('foot', 'footnote')}{note('end', 'endnote')}{comment('remark')}{box(paragraph('box'))}")
    body += table(row(cell("a frame for layout")))
    page = "".join(
        f"<style:{where}>{paragraph(text)}</style:{where}>"
        for where, text in (("header", "top"), ("header-left", "top"), ("footer", "bottom"))
    )
    unseen = f'<style:header-first style:display="false">{paragraph("unseen")}</style:header-first>'
    styles = f"<office:master-styles><style:master-page>{page}{unseen}</style:master-page></office:master-styles>"
    assert read(ODT, opendocument("text", body, styles=styles)).text == (
        "top\n\n| h | i | j |\n| --- | --- | --- |\n| a |  | b |\n\np\n\nbox\n\na frame for layout\n\n"
        "bottom\n\nin a cell\n\nfoot\n\nend\n\nremark"
    )


def test_an_embedded_chart_gives_its_words_and_its_table(read: Read) -> None:
    """An object within the document is read once; one that refers to itself comes to an end."""
    frame = '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'
    chart = content(
        f"<office:chart>{paragraph('Water levels')}{table(row(cell('May'), cell('2.5')))}{frame}</office:chart>"
    )
    members = opendocument("text", paragraph(f"see {frame}") + paragraph(frame), **{"Object 1/content.xml": chart})
    assert read(ODT, members).text == "see\n\nWater levels\n\n| May | 2.5 |\n| --- | --- |"


def slide(body: str) -> str:
    return f"<draw:page>{body}</draw:page>"


def test_slides_are_pages_with_titles_tables_and_notes(read: Read) -> None:
    """The title comes first and the speaker's notes last; page numbers and empty places are left out."""
    notes = box(paragraph("say this"), 'presentation:class="notes"')
    first = slide(
        box(paragraph("outline"), 'presentation:class="outline"')
        + f"<draw:g><draw:custom-shape>{paragraph('grouped')}</draw:custom-shape></draw:g>"
        + f"<draw:frame>{table(row(cell('a'), cell('b')))}</draw:frame>"
        + box(paragraph("Rivers"), 'presentation:class="title"')
        + box(paragraph("&lt;number&gt;"), 'presentation:class="page-number"')
        + box(paragraph("Click to add text"), 'presentation:placeholder="true"')
        + comment("remark")
        + f"<presentation:notes>{notes}</presentation:notes>"
    )
    extracted = read(ODP, opendocument("slides", first + slide("") + slide(box(paragraph("third")))))
    assert extracted.page_count == 3
    assert [(page.number, page.text) for page in extracted.pages] == [
        (1, "## Rivers\n\noutline\n\ngrouped\n\n| a | b |\n| --- | --- |\n\nsay this\n\nremark"),
        (3, "third"),
    ]
    assert extracted.pages[0].headings == (Heading(2, "Rivers", 0),)


def typed(kind: str, value: str, text: str = "as shown") -> str:
    name = {"date": "date-value", "time": "time-value", "boolean": "boolean-value"}.get(kind, "value")
    return cell(text, f'office:value-type="{kind}" office:{name}="{value}"')


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (typed("float", "3"), "3"),
        (typed("float", "0.30000000000000004"), "0.3"),
        (typed("percentage", "0.125"), "0.125"),
        (typed("currency", "1234.5"), "1234.5"),
        (typed("date", "2022-12-16"), "2022-12-16"),
        (typed("date", "2022-12-16T17:04:16"), "2022-12-16 17:04:16"),
        (typed("time", "PT11H12M12S"), "11:12:12"),
        (typed("time", "PT288H00M00S"), "288:00:00"),
        (typed("boolean", "true"), "TRUE"),
        (typed("float", "not a number", "fallen back"), "fallen back"),
        (cell("#DIV/0!", 'office:value-type="string" office:string-value=""'), "#DIV/0!"),
        (cell("two</text:p><text:p>lines", 'office:value-type="string"'), "two lines"),
        (cell("5</text:p><text:p>") + cell("") + "<table:table-cell/>", "5"),
    ],
)
def test_cells_are_written_as_in_other_workbooks(read: Read, stored: str, shown: str) -> None:
    """Dates and times as in ISO 8601, numbers without what a format adds, errors by their text."""
    (page,) = read(ODS, opendocument("sheet", table(row(stored), name="S"))).pages
    assert page.text.split("\n")[2] == f"| {shown} |"


def test_sheets_are_pages_and_repetitions_are_unrolled(read: Read) -> None:
    """Empty edges fall away, repeated rows and cells come as often as they are seen, also in hidden sheets."""
    blank = '<table:table-cell table:number-columns-repeated="16380"/>'
    twice = cell("x", 'table:number-columns-repeated="2"')
    rows = (
        row(blank, attributes='table:number-rows-repeated="1000000"'),
        f"<table:table-row-group>{row(cell(''), twice, blank)}</table:table-row-group>",
        row(cell(""), cell(""), cell("y"), attributes='table:number-rows-repeated="2"'),
    )
    sheets = table(name="Blank") + table(*rows, name="Rivers") + table(row(cell("z")), name="'file:///other.ods'#A")
    extracted = read(ODS, opendocument("sheet", sheets))
    assert extracted.page_count == 2
    assert [(page.number, page.text) for page in extracted.pages] == [
        (2, "## Rivers\n\n| x | x |\n| --- | --- |\n|  | y |\n|  | y |")
    ]


def test_a_sheet_has_comments_and_boxes_after_its_cells(read: Read) -> None:
    """What people write beside the cells is read, and isn't mistaken for the cells' own text."""
    remarked = f'<table:table-cell office:value-type="string">{comment("remark")}{paragraph("cell")}</table:table-cell>'
    shapes = f"<table:shapes>{box(paragraph('box'))}</table:shapes>"
    (page,) = read(ODS, opendocument("sheet", table(shapes, row(remarked), name="S"))).pages
    assert page.text == "## S\n\n| cell |\n| --- |\n\nbox\n\nremark"


def test_endless_repetition_is_refused(read: Read) -> None:
    """A cell that claims to stand there a billion times passes the limit on text, and not the memory."""
    bomb = row(
        cell("x" * 100, 'table:number-columns-repeated="1000000000"'), attributes='table:number-rows-repeated="9"'
    )
    with pytest.raises(Permanent) as caught:
        read(ODS, opendocument("sheet", table(bomb)), Limits(max_chars=1_000_000))
    assert caught.value.code is Code.TOO_LARGE


@pytest.mark.parametrize(("media_type", "kind"), [(ODT, "text"), (ODS, "sheet"), (ODP, "slides")])
def test_refusals_name_their_reason(read: Read, media_type: str, kind: str) -> None:
    """A password, a missing or foreign content, and a document without text are told apart."""
    whole = opendocument(kind, "")
    cases = {
        Code.ENCRYPTED: whole | {"META-INF/manifest.xml": manifest("<m:encryption-data/>"), "content.xml": "\x07\x01"},
        Code.EMPTY: whole | {"META-INF/manifest.xml": manifest("")},
        Code.CORRUPT: {"mimetype": media_type},
    }
    foreign = whole | {"content.xml": content("<office:drawing/>")}
    for code, members in [*cases.items(), (Code.CORRUPT, foreign), (Code.CORRUPT, whole | {"content.xml": "words"})]:
        with pytest.raises(Permanent) as caught:
            read(media_type, members)
        assert caught.value.code is code
