"""Sound Office and EPUB files, a member at a time, for others to spoil."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping

from tests.services.docproc.hostile.case import RIVER

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"

Members = Mapping[str, str | bytes]
PARAGRAPH = f"<w:p><w:r><w:t>{RIVER}</w:t></w:r></w:p>"


def zipped(members: Members | Iterable[tuple[str, str | bytes]]) -> bytes:
    """The members in this order, all of one date, so that the same members are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def relations(*entries: tuple[str, str]) -> str:
    """Kinds and targets, with the ids `r1`, `r2` …; a kind that ends in `!` is of the outside world."""
    lines = "".join(_relation(number, kind, target) for number, (kind, target) in enumerate(entries, start=1))
    return f'<Relationships xmlns="{_RELS}">{lines}</Relationships>'


def _relation(number: int, kind: str, target: str) -> str:
    outside = ' TargetMode="External"' if kind.endswith("!") else ""
    name = kind.rstrip("!")
    return f'<Relationship Id="r{number}" Type="{R}/{name}" Target="{target}"{outside}/>'


def word_xml(body: str = PARAGRAPH, prolog: str = "", attributes: str = "") -> str:
    return f'{prolog}<w:document xmlns:w="{W}" xmlns:r="{R}"{attributes}><w:body>{body}</w:body></w:document>'


def word(body: str = PARAGRAPH, *, prolog: str = "", attributes: str = "", **others: str | bytes) -> bytes:
    """A Word document; `others` are members whose names have `__` for `/` and `_` for `.`."""
    return zipped({"word/document.xml": word_xml(body, prolog, attributes), **_named(others)})


def slides(*shapes: str, **others: str | bytes) -> bytes:
    """A presentation of one slide with these shapes."""
    return zipped({"ppt/slides/slide1.xml": slide_xml(*shapes), **_named(others)})


def slide_xml(*shapes: str) -> str:
    tree = "".join(shapes)
    return f'<p:sld xmlns:p="{P}" xmlns:a="{A}" xmlns:r="{R}"><p:cSld><p:spTree>{tree}</p:spTree></p:cSld></p:sld>'


def shape(text: str = RIVER, properties: str = "") -> str:
    return f"<p:sp><p:txBody><a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def cell(reference: str, value: str = RIVER) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'


def sheet_xml(rows: str, before: str = "") -> str:
    return f'<worksheet xmlns="{S}">{before}<sheetData>{rows}</sheetData></worksheet>'


def book_members(*sheets: str, names: Iterable[str] = ()) -> dict[str, str | bytes]:
    """A workbook whose sheets have this XML."""
    called = [*names] or [f"Sheet{number}" for number in range(1, len(sheets) + 1)]
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>' for number, name in enumerate(called, start=1)
    )
    members: dict[str, str | bytes] = {
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{S}" xmlns:r="{R}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            *(("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)),
            ("sharedStrings", "sharedStrings.xml"),
            ("styles", "styles.xml"),
        ),
    }
    return members | {f"xl/worksheets/sheet{number}.xml": xml for number, xml in enumerate(sheets, start=1)}


def book(*sheets: str, **others: str | bytes) -> bytes:
    return zipped(book_members(*sheets) | _named(others))


def row(*cells: str, number: int = 1) -> str:
    inside = "".join(cells)
    return f'<row r="{number}">{inside}</row>'


def epub_members(spine: str, manifest: str, **others: str | bytes) -> dict[str, str | bytes]:
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{manifest}</manifest><spine>{spine}</spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="book.opf"/></rootfiles></container>'
    )
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "book.opf": package,
        "one.xhtml": f"<html><body><p>{RIVER}</p></body></html>",
        **_named(others),
    }


def item(name: str, href: str) -> str:
    return f'<item id="{name}" href="{href}" media-type="application/xhtml+xml"/>'


def epub(
    spine: str = '<itemref idref="one"/>', manifest: str = item("one", "one.xhtml"), **others: str | bytes
) -> bytes:
    return zipped(epub_members(spine, manifest, **others))


def _named(others: Members) -> dict[str, str | bytes]:
    return {
        name.replace("___", "/_").replace("__", "/").replace("_", ".").replace("/.rels/", "/_rels/"): content
        for name, content in others.items()
    }
