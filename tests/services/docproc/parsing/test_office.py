"""Word, PowerPoint and Excel files."""

from __future__ import annotations

import pytest

from services.docproc.parsing import Heading, Limits
from shared.contracts.kinds import Kind
from shared.errors import Code, Permanent
from tests.services.docproc.parsing.reading import Read

OOXML = "application/vnd.openxmlformats-officedocument"
DOCX = f"{OOXML}.wordprocessingml.document"
PPTX = f"{OOXML}.presentationml.presentation"
XLSX = f"{OOXML}.spreadsheetml.sheet"
TRANSITIONAL = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(**targets: str) -> str:
    entries = "".join(
        f'<Relationship Id="{name}" Type="{RELATION}/{name.rstrip("0123456789")}" Target="{target}"/>'
        for name, target in targets.items()
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{entries}</Relationships>'
    )


def word(body: str, namespace: str = TRANSITIONAL, **members: str) -> dict[str, str]:
    document = f'<w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>'
    return {"word/document.xml": document, **members}


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


@pytest.mark.parametrize("namespace", [TRANSITIONAL, STRICT])
def test_word_text_holds_what_the_page_shows(read: Read, namespace: str) -> None:
    """Tabs, breaks, inserted text, links and controls are there; deleted text and field codes aren't."""
    body = (
        f"<w:p>{run('a')}<w:r><w:tab/></w:r><w:ins>{run('b')}</w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        f"<w:r><w:instrText>PAGE</w:instrText></w:r><w:hyperlink>{run('c')}</w:hyperlink><w:r><w:br/></w:r>{run('d')}</w:p>"
        f"<w:sdt><w:sdtContent><w:p>{run('e')}</w:p></w:sdtContent></w:sdt>"
    )
    assert read(DOCX, word(body, namespace)).text == "a\tbc\nd\n\ne"


def test_word_headings_and_lists_follow_the_styles(read: Read) -> None:
    """A style is a heading by its name, its outline level, or the style it is based on; a list by its numbering."""
    styles = (
        f'<w:styles xmlns:w="{TRANSITIONAL}"><w:style w:styleId="a"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:styleId="b"><w:name w:val="mine"/><w:basedOn w:val="a"/></w:style>'
        '<w:style w:styleId="c"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style></w:styles>'
    )
    body = "".join(f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{run(style)}</w:p>' for style in "cabz")
    item = '<w:p><w:pPr><w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr></w:pPr>{}</w:p>'
    body += item.format(0, run("one")) + item.format(1, run("two"))
    members = {"word/styles.xml": styles, "word/_rels/document.xml.rels": relations(styles="styles.xml")}
    (page,) = read(DOCX, word(body, **members)).pages
    assert page.text == "# c\n\n## a\n\n## b\n\nz\n\n- one\n  - two"
    assert [heading.title for heading in page.headings] == ["c", "a", "b"]


def test_word_tables_boxes_headers_and_notes_are_read(read: Read) -> None:
    """Headers come first, footnotes last, a repeated header once, a text box once although it is stored twice."""
    cell = "<w:tc><w:p>{}</w:p></w:tc>"
    table = f"<w:tbl><w:tr>{cell.format(run('h'))}{cell.format(run('i'))}</w:tr><w:tr>{cell.format(run('j'))}"
    table += f"<w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p>{run('merged')}</w:p></w:tc></w:tr></w:tbl>"
    box = f"<w:txbxContent><w:p>{run('box')}</w:p></w:txbxContent>"
    choice = (
        f"<w:r><w:AlternateContent><w:Choice>{box}</w:Choice><w:Fallback>{box}</w:Fallback></w:AlternateContent></w:r>"
    )
    members = {
        f"word/{name}.xml": f'<w:x xmlns:w="{TRANSITIONAL}"><w:p>{run(text)}</w:p></w:x>'.replace("w:x", f"w:{root}")
        for name, root, text in (("header1", "hdr", "top"), ("header2", "hdr", "top"), ("footer1", "ftr", "bottom"))
    }
    members["word/footnotes.xml"] = (
        f'<w:footnotes xmlns:w="{TRANSITIONAL}"><w:footnote w:type="separator"><w:p>{run("-")}</w:p></w:footnote>'
        f"<w:footnote><w:p>{run('note')}</w:p></w:footnote></w:footnotes>"
    )
    members["word/_rels/document.xml.rels"] = relations(
        header1="header1.xml", header2="/word/header2.xml", footer1="footer1.xml", footnotes="footnotes.xml"
    )
    (page,) = read(DOCX, word(f"{table}<w:p>{run('p')}{choice}</w:p>", **members)).pages
    assert page.text == "top\n\n| h | i |\n| --- | --- |\n| j |  |\n\np\n\nbox\n\nbottom\n\nnote"
    assert [(page.text[span.start : span.end].strip(), span.kind) for span in page.spans] == [("note", Kind.NOTES)]


def slide(*shapes: str) -> str:
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    return f'<p:sld xmlns:p="x" xmlns:a="{drawing}" xmlns:r="{RELATION}"><p:spTree>{"".join(shapes)}</p:spTree></p:sld>'


def shape(text: str, placeholder: str = "") -> str:
    place = f'<p:ph type="{placeholder}"/>' if placeholder else ""
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp><p:nvSpPr><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:txBody>{paragraphs}</p:txBody></p:sp>"


def presentation(*order: int, **slides: str) -> dict[str, str]:
    listed = "".join(f'<p:sldId id="{256 + number}" r:id="slide{number}"/>' for number in order)
    targets = {name: f"slides/{name}.xml" for name in slides}
    return {
        "ppt/presentation.xml": f'<p:presentation xmlns:p="x" xmlns:r="{RELATION}">{listed}</p:presentation>',
        "ppt/_rels/presentation.xml.rels": relations(**targets),
        **{f"ppt/slides/{name}.xml": content for name, content in slides.items()},
    }


def test_slides_are_pages_in_the_order_of_the_show(read: Read) -> None:
    """The page number is the slide's place in the show, not the number in its file name."""
    members = presentation(2, 1, slide1=slide(shape("first file")), slide2=slide(shape("second file")))
    extracted = read(PPTX, members)
    assert [(page.number, page.text) for page in extracted.pages] == [(1, "second file"), (2, "first file")]
    assert extracted.page_count == 2


def test_a_slide_has_its_title_its_groups_tables_and_notes(read: Read) -> None:
    """The title is a heading and comes first; slide numbers are left out; the speaker's notes come last."""
    cells = "".join(f"<a:tc><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></a:tc>" for text in "ab")
    table = f"<p:graphicFrame><a:tbl><a:tr>{cells}</a:tr></a:tbl></p:graphicFrame>"
    content = slide(f"<p:grpSp>{shape('grouped')}</p:grpSp>", table, shape("7", "sldNum"), shape("Rivers", "title"))
    members = presentation(1, slide1=content)
    members["ppt/notesSlides/n.xml"] = slide(shape("say this", "body"), shape("1", "sldNum"))
    members["ppt/slides/_rels/slide1.xml.rels"] = relations(notesSlide="../notesSlides/n.xml")
    (page,) = read(PPTX, members).pages
    assert page.text == "## Rivers\n\ngrouped\n\n| a | b |\n| --- | --- |\n\nsay this"
    assert page.headings == (Heading(2, "Rivers", 0),)
    assert [(page.text[span.start : span.end].strip(), span.kind) for span in page.spans] == [("say this", Kind.NOTES)]


def test_slides_without_a_list_come_by_their_numbers(read: Read) -> None:
    """A presentation whose own list of slides is missing is still read."""
    members = {f"ppt/slides/slide{number}.xml": slide(shape(f"s{number}")) for number in (10, 9)}
    assert [page.text for page in read(PPTX, members).pages] == ["s9", "s10"]


def workbook(**sheets: str) -> dict[str, str]:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    names = enumerate(sheets, start=1)
    listed = "".join(f'<sheet name="{name}" sheetId="{number}" r:id="worksheet{number}"/>' for number, name in names)
    members = {
        "_rels/.rels": relations(officeDocument="xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{RELATION}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            **{f"worksheet{number}": f"worksheets/s{number}.xml" for number in range(1, len(sheets) + 1)}
        ),
    }
    for number, rows in enumerate(sheets.values(), start=1):
        members[f"xl/worksheets/s{number}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
    return members


def test_sheets_are_pages_and_empty_ones_keep_their_number(read: Read) -> None:
    """A sheet's page number is its place in the workbook, also after a sheet without cells."""
    rows = '<row r="2"><c r="B2"><v>3</v></c><c r="C2"><v>0.5</v></c><c r="D2" t="b"><v>1</v></c></row>'
    rows += '<row r="5"><c r="B5" t="inlineStr"><is><t>Cauce</t></is></c></row>'
    extracted = read(XLSX, workbook(Blank="", Rivers=rows))
    assert extracted.page_count == 2
    assert [(page.number, page.text) for page in extracted.pages] == [
        (2, "## Rivers\n\n| 3 | 0.5 | TRUE |\n| --- | --- | --- |\n| Cauce |  |  |")
    ]


def drawing(*contents: str) -> str:
    return f'<xdr:wsDr xmlns:xdr="y" xmlns:a="x" xmlns:r="{RELATION}">{"".join(contents)}</xdr:wsDr>'


def paragraph_of_drawing(text: str) -> str:
    return f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"


def with_beside(members: dict[str, str]) -> dict[str, str]:
    """On the first sheet a text box, a chart, a comment, and a conversation with what older programs are told of it."""
    box = f"<xdr:sp><xdr:txBody>{paragraph_of_drawing('Mind the')}{paragraph_of_drawing('locks')}</xdr:txBody></xdr:sp>"
    chart = '<xdr:graphicFrame><c:chart xmlns:c="z" r:id="chart"/></xdr:graphicFrame>'
    series = (
        "<c:tx><c:v>Cauce</c:v></c:tx><c:strCache><c:pt><c:v>May</c:v></c:pt><c:pt><c:v>June</c:v></c:pt></c:strCache>"
    )
    words = paragraph_of_drawing("Water levels")
    remarks = '<comment ref="B2"><text><r><t>see </t></r><r><t>gauge 7</t></r></text></comment>'
    remarks += '<comment ref="A1"><text><t>[Threaded comment] your version of Excel ...</t></text></comment>'
    said = '<threadedComment ref="A1"><text>in metres?</text></threadedComment>'
    said += '<threadedComment ref="A1"><text>in feet</text></threadedComment>'
    return members | {
        "xl/worksheets/_rels/s1.xml.rels": relations(
            drawing="../drawings/d1.xml", comments="../comments1.xml", threadedComment="../threaded/t1.xml"
        ),
        "xl/drawings/d1.xml": drawing(box, chart),
        "xl/drawings/_rels/d1.xml.rels": relations(chart="../charts/c1.xml"),
        "xl/charts/c1.xml": f'<c:chart xmlns:c="z" xmlns:a="x">{words}{series}</c:chart>',
        "xl/comments1.xml": f"<comments><commentList>{remarks}</commentList></comments>",
        "xl/threaded/t1.xml": f"<ThreadedComments>{said}</ThreadedComments>",
    }


LEVELS = '<row r="1"><c r="A1" t="inlineStr"><is><t>level</t></is></c><c r="B1"><v>2.5</v></c></row>'


def test_a_sheet_has_its_text_boxes_charts_and_comments(read: Read) -> None:
    """They come after the cells, comments as notes with their cell; a conversation is told once."""
    pages = read(XLSX, with_beside(workbook(Levels=LEVELS, Other=LEVELS))).pages
    cells = "| level | 2.5 |\n| --- | --- |"
    notes = "A1: in metres?\n\nA1: in feet\n\nB2: see gauge 7"
    assert pages[0].text == f"## Levels\n\n{cells}\n\nMind the\nlocks\n\nWater levels\nCauce\nMay\nJune\n\n{notes}"
    assert [pages[0].text[span.start : span.end].strip() for span in pages[0].spans] == [notes]
    assert pages[1].text == f"## Other\n\n{cells}"


def test_a_sheet_may_be_nothing_but_a_chart(read: Read) -> None:
    """It is a page as any other."""
    (page,) = read(XLSX, with_beside(workbook(Chart=""))).pages
    assert (page.number, page.text.startswith("Mind the\nlocks\n\nWater levels")) == (1, True)


def test_cells_are_read_whatever_is_beside_them(read: Read) -> None:
    """A drawing that is no XML leaves a warning."""
    extracted = read(XLSX, with_beside(workbook(Levels=LEVELS)) | {"xl/drawings/d1.xml": "no XML"})
    assert "| level | 2.5 |" in extracted.text
    assert extracted.warnings[0].startswith("Text boxes, charts or comments were left out: ")


def test_a_workbook_without_cells_is_empty(read: Read) -> None:
    """The names of sheets are no content."""
    with pytest.raises(Permanent) as caught:
        read(XLSX, workbook(Blank=""))
    assert caught.value.code is Code.EMPTY


def test_too_many_pages_are_refused(read: Read) -> None:
    """More slides or sheets than allowed are refused."""
    for media_type, members in (
        (PPTX, presentation(1, 1, slide1=slide(shape("s")))),
        (XLSX, workbook(A="", B="")),
    ):
        with pytest.raises(Permanent, match="pages allowed: 1") as caught:
            read(media_type, members, Limits(max_pages=1))
        assert caught.value.code is Code.TOO_LARGE


def test_entities_and_files_outside_are_left_alone(read: Read) -> None:
    """An XML entity neither grows nor reads a file of the machine."""
    document = word(f"<w:p>{run('a&x;b')}</w:p>")["word/document.xml"]
    hostile = '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + document
    assert read(DOCX, {"word/document.xml": hostile}).text.startswith("a")
    assert "root" not in read(DOCX, {"word/document.xml": hostile}).text
