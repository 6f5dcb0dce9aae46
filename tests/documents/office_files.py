"""Word, PowerPoint and Excel files, of today and of before 2007."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from shared.errors import Code
from shared.media_types import DOCX, PPTX, XLS, XLSX
from tests.documents.made import Made, refused
from tests.documents.packages import office_file
from tests.services.docproc.hostile.office_files import (
    P,
    R,
    S,
    W,
    book_members,
    relations,
    row,
    sheet_xml,
    slide_xml,
    word_xml,
)
from tests.services.docproc.parsing.compound import compound
from tests.services.docproc.parsing.old_workbooks import old, record

# ---- Word ------------------------------------------------------------------------------------------------------------


def _run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def _paragraph(*runs: str, style: str = "") -> str:
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{named}{''.join(runs)}</w:p>"


def _item(text: str) -> str:
    numbered = '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    return f"<w:p>{numbered}{_run(text)}</w:p>"


def _table(*rows: Sequence[str]) -> str:
    cells = ("".join(f"<w:tc>{_paragraph(_run(text))}</w:tc>" for text in texts) for texts in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{each}</w:tr>' for each in cells)}</w:tbl>"


def _part(root: str, body: str) -> str:
    return f'<w:{root} xmlns:w="{W}">{body}</w:{root}>'


LETTER_BODY = (
    _paragraph(_run("Bericht über die Schleuse"), style="Heading1"),
    _paragraph(
        _run("Frau Jäger und Herr "),
        _run("Özdemir", "<w:rPr><w:b/></w:rPr>"),
        _run(" haben die Tore geprüft"),
        '<w:r><w:footnoteReference w:id="1"/></w:r>',
        _run("; sie schließen "),
        f'<w:del w:id="7" w:author="J">{_run("nicht ").replace("w:t", "w:delText")}</w:del>',
        f'<w:ins w:id="8" w:author="J">{_run("wieder ")}</w:ins>',
        _run("dicht."),
    ),
    _paragraph(_run("Was noch fehlt"), style="Heading2"),
    _item("ein Geländer am Oberhaupt"),
    _item("Fett für die Zahnräder"),
    _table(("Tor", "Breite", "Zustand"), ("Oberhaupt", "6,20 m", "gut"), ("Unterhaupt", "6,35 m", "mäßig")),
)


def letter() -> bytes:
    """Headings by their styles, a list, a table, a footnote, and changes that were tracked."""
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/></w:style>'
        for level in (1, 2)
    )
    numbering = (
        '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )
    note = f'<w:footnote w:id="1">{_paragraph(_run("Am 3. Mai, bei Niedrigwasser."))}</w:footnote>'
    beside = ("styles", "numbering", "header", "footer", "footnotes")
    section = '<w:sectPr><w:headerReference w:type="default" r:id="r3"/><w:footerReference w:type="default" r:id="r4"/>'
    return office_file(
        "word/document.xml",
        {
            "word/document.xml": word_xml("".join(LETTER_BODY) + section + "</w:sectPr>"),
            "word/_rels/document.xml.rels": relations(*((kind, f"{kind}.xml") for kind in beside)),
            "word/styles.xml": _part("styles", styles),
            "word/numbering.xml": _part("numbering", numbering),
            "word/header.xml": _part("hdr", _paragraph(_run("Wasserwirtschaft Große Aue"))),
            "word/footer.xml": _part("ftr", _paragraph(_run("Nur für den Dienstgebrauch"))),
            "word/footnotes.xml": _part("footnotes", note),
        },
    )


def arabic() -> bytes:
    """From the right to the left, with figures and a Latin word in it."""
    texts = ("يرتفع النهر كل شتاء", "بلغ المنسوب 265 cm عند الجسر القديم")
    body = "".join(f"<w:p><w:pPr><w:bidi/></w:pPr>{_run(text)}</w:p>" for text in texts)
    return office_file("word/document.xml", {"word/document.xml": word_xml(body)})


def blank_word() -> bytes:
    return office_file("word/document.xml", {"word/document.xml": word_xml(_paragraph())})


def sealed() -> bytes:
    """What Office keeps a document behind a password in."""
    return compound({"EncryptionInfo": bytes(200), "EncryptedPackage": bytes(range(256)) * 20})


# ---- PowerPoint ------------------------------------------------------------------------------------------------------


def _shape(*texts: str, kind: str = "body") -> str:
    paragraphs = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in texts)
    place = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
    return f"<p:sp>{place}<p:txBody>{paragraphs}</p:txBody></p:sp>"


def _cells(*rows: Sequence[str]) -> str:
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    written = "".join(f"<a:tr>{''.join(map(cell.format, texts))}</a:tr>" for texts in rows)
    table = f"<a:graphic><a:graphicData><a:tbl>{written}</a:tbl></a:graphicData></a:graphic>"
    return f"<p:graphicFrame>{table}</p:graphicFrame>"


def show() -> bytes:
    """Three slides whose files are in another order than the show, with a table and what the speaker will say."""
    slides = {
        "slide2": slide_xml(_shape("Les crues de l'été", kind="title"), _shape("Août : trois fois", "Cœur du bassin")),
        "slide3": slide_xml(
            _shape("Hauteurs mesurées", kind="title"), _cells(("Station", "m"), ("Vieux pont", "2,40"), ("Écluse", "1"))
        ),
        "slide1": slide_xml(_shape("Merci à toutes et à tous", kind="title")),
    }
    listed = "".join(f'<p:sldId id="{256 + place}" r:id="r{place}"/>' for place in range(1, 4))
    order = f'<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>'
    spoken = slide_xml(_shape("Ne pas oublier la photo du pont")).replace("p:sld", "p:notes")
    return office_file(
        "ppt/presentation.xml",
        {
            "ppt/presentation.xml": order,
            "ppt/_rels/presentation.xml.rels": relations(*(("slide", f"slides/{name}.xml") for name in slides)),
            **{f"ppt/slides/{name}.xml": content for name, content in slides.items()},
            "ppt/slides/_rels/slide3.xml.rels": relations(("notesSlide", "../notesSlides/notes.xml")),
            "ppt/notesSlides/notes.xml": spoken,
        },
    )


# ---- Excel -----------------------------------------------------------------------------------------------------------

SHARED = ("Станция", "Уровень, м", "Проверено", "Старый мост", "Нижняя плотина")
DATES = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'


def _shared(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="s"><v>{SHARED.index(text)}</v></c>'


def workbook() -> bytes:
    """A sheet with shared texts, numbers and dates, an empty one, and one with a formula's value and a comment."""
    levels = row(*(_shared(f"{column}1", text) for column, text in zip("ABC", SHARED, strict=False)))
    for number, (name, level, day) in enumerate(
        (("Старый мост", "2.4", "45781"), ("Нижняя плотина", "-0.15", "45782")), 2
    ):
        rest = f'<c r="B{number}"><v>{level}</v></c><c r="C{number}" s="1"><v>{day}</v></c>'
        levels += row(_shared(f"A{number}", name), rest, number=number)
    total = row(
        '<c r="B2" t="inlineStr"><is><t>Σ 2025</t></is></c>', '<c r="C2"><f>2*1125</f><v>2250</v></c>', number=2
    )
    named = ("Уровни", "Пусто", "Summe")
    remark = '<comment ref="C2" authorId="0"><text><t>ohne Dezember</t></text></comment>'
    members = {
        **{
            name: text
            for name, text in book_members(sheet_xml(levels), sheet_xml(""), sheet_xml(total), names=named).items()
            if name != "_rels/.rels"
        },
        "xl/sharedStrings.xml": f'<sst xmlns="{S}">{"".join(f"<si><t>{text}</t></si>" for text in SHARED)}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{S}">{DATES}</styleSheet>',
        "xl/worksheets/_rels/sheet3.xml.rels": relations(("comments", "../comments1.xml")),
        "xl/comments1.xml": f'<comments xmlns="{S}"><commentList>{remark}</commentList></comments>',
    }
    return office_file("xl/workbook.xml", {name: str(text) for name, text in members.items()})


def blank_workbook() -> bytes:
    members = {name: str(text) for name, text in book_members(sheet_xml("")).items() if name != "_rels/.rels"}
    return office_file("xl/workbook.xml", members)


def _label(row_number: int, column: int, text: str) -> bytes:
    """A text in UTF-16."""
    return record(0x204, struct.pack("<HHHHB", row_number, column, 0, len(text), 1) + text.encode("utf-16-le"))


def _number(row_number: int, column: int, value: float, style: int = 0) -> bytes:
    return record(0x203, struct.pack("<HHHd", row_number, column, style, value))


def old_workbook(password: bytes = b"") -> bytes:
    """Two sheets, the second hidden, with texts in Greek and Polish, numbers and a date."""
    levels = _label(0, 0, "Στάθμη") + _label(0, 1, "Ημέρα") + _number(1, 0, 2.65) + _number(1, 1, 45781, style=1)
    hidden = _label(0, 0, "Łódź, most Żółty") + _number(0, 1, 12)
    return old((b"Levels", levels), (b"Bridges", hidden), password=password)


PASSWORD = record(0x2F, struct.pack("<HHH", 1, 1, 1) + bytes(48))

MADE = (
    Made(
        "letter.docx",
        letter,
        DOCX,
        strings=(
            "Bericht über die Schleuse",
            "Frau Jäger und Herr Özdemir haben die Tore geprüft; sie schließen wieder dicht.",
            "ein Geländer am Oberhaupt",
            "Unterhaupt 6,35 m mäßig",
            "Am 3. Mai, bei Niedrigwasser.",
            "Wasserwirtschaft Große Aue",
            "Nur für den Dienstgebrauch",
        ),
        forbidden=("schließen nicht",),
        tags=("umlauts", "footnote", "table", "tracked changes", "header"),
    ),
    Made(
        "arabic.docx",
        arabic,
        DOCX,
        strings=("يرتفع النهر كل شتاء", "بلغ المنسوب 265 cm عند الجسر القديم"),
        tags=("right-to-left",),
    ),
    Made(
        "show.pptx",
        show,
        PPTX,
        pages={
            1: ("Les crues de l'été", "Août : trois fois", "Cœur du bassin"),
            2: ("Hauteurs mesurées", "Vieux pont 2,40", "Ne pas oublier la photo du pont"),
            3: ("Merci à toutes et à tous",),
        },
        page_count=3,
        tags=("table", "notes", "order of the show"),
    ),
    Made(
        "levels.xlsx",
        workbook,
        XLSX,
        pages={
            1: ("Станция Уровень, м Проверено", "Старый мост 2.4 2025-05-04", "Нижняя плотина -0.15 2025-05-05"),
            3: ("Σ 2025 2250", "ohne Dezember"),
        },
        page_count=3,
        tags=("dates", "empty sheet", "comment"),
    ),
    Made(
        "levels.xls",
        old_workbook,
        XLS,
        pages={1: ("Στάθμη Ημέρα", "2.65 2025-05-04"), 2: ("Łódź, most Żółty 12",)},
        page_count=2,
        tags=("dates", "hidden sheet"),
    ),
    refused("cut.docx", lambda: letter()[:1500], Code.CORRUPT, DOCX),
    refused("blank.docx", blank_word, Code.EMPTY, DOCX),
    refused("blank.xlsx", blank_workbook, Code.EMPTY, XLSX),
    refused("sealed.docx", sealed, Code.ENCRYPTED, None),
    refused("password.xls", lambda: old_workbook(PASSWORD), Code.ENCRYPTED, XLS),
    refused("old.doc", lambda: compound({"WordDocument": bytes(5000)}), Code.UNSUPPORTED, None),
)
