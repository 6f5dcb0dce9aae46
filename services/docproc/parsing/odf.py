"""What OpenDocument's texts, sheets and slides share: the package, the names of elements, the text of a paragraph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lxml import etree

from services.docproc.parsing.archive import Archive, opened
from services.docproc.parsing.model import Limits
from services.docproc.parsing.refusals import corrupt, encrypted

_NAMES = "{{urn:oasis:names:tc:opendocument:xmlns:{}:1.0}}"
OFFICE = _NAMES.format("office")
TEXT = _NAMES.format("text")
TABLE = _NAMES.format("table")
DRAW = _NAMES.format("drawing")
PRESENTATION = _NAMES.format("presentation")
STYLE = _NAMES.format("style")
SVG = _NAMES.format("svg-compatible")
HREF = "{http://www.w3.org/1999/xlink}href"

PARAGRAPH, HEADING = f"{TEXT}p", f"{TEXT}h"
CELL, COVERED = f"{TABLE}table-cell", f"{TABLE}covered-table-cell"
NOTE, ANNOTATION = f"{TEXT}note", f"{OFFICE}annotation"

_ROW_GROUPS = frozenset({f"{TABLE}table-header-rows", f"{TABLE}table-rows", f"{TABLE}table-row-group"})
_MOST_COLUMNS, _MOST_ROWS = 16_384, 1_048_576
_MANIFEST = "META-INF/manifest.xml"
_SPACES = re.compile(r"[ \t\r\n]+")
_MARKS = {f"{TEXT}tab": "\t", f"{TEXT}line-break": "\n"}
_SPACE = f"{TEXT}s"
_APART = frozenset({NOTE, ANNOTATION, f"{TEXT}ruby-text", f"{OFFICE}event-listeners"})


@contextmanager
def package(path: Path, kind: str, limits: Limits) -> Iterator[Archive]:
    """Opens the document; `kind` is what messages call it. Raises Permanent: `encrypted` or `corrupt`."""
    with opened(path, kind, limits) as archive:
        if _MANIFEST in archive and next(archive.xml(_MANIFEST).iter("{*}encryption-data"), None) is not None:
            raise encrypted(kind)
        yield archive


def body(archive: Archive, name: str) -> etree._Element:
    """What the document consists of: the element `name` (text, spreadsheet, presentation) within its body."""
    found = archive.xml("content.xml").find(f"{OFFICE}body/{OFFICE}{name}")
    if found is None:
        raise corrupt(archive.kind, f"`content.xml` holds no {name}")
    return found


def rows_of(table: etree._Element) -> Iterator[etree._Element]:
    """The rows of a table in order, those in groups too."""
    for element in table:
        if element.tag == f"{TABLE}table-row":
            yield element
        elif element.tag in _ROW_GROUPS:
            yield from rows_of(element)


def cells_of(row: etree._Element, shown: Callable[[etree._Element], str]) -> list[str]:
    """The cells as far as the last one with text, each as `shown` has it; what a merged cell covers is empty."""
    cells: list[str] = []
    blank = 0
    for cell in row.iterchildren(CELL, COVERED):
        text = shown(cell).strip() if cell.tag == CELL else ""
        count = _repeated(cell, "columns", _MOST_COLUMNS - len(cells) - blank)
        if text:
            cells += [""] * blank + [text] * count
        blank = 0 if text else blank + count
    return cells


def grid(rows: list[list[str]]) -> list[list[str]]:
    """The rows that have text, all of one width."""
    width = max(map(len, rows), default=0)
    return [[*row, *[""] * (width - len(row))] for row in rows if row]


def row_count(row: etree._Element) -> int:
    """How often the row stands there, which is stored once."""
    return _repeated(row, "rows", _MOST_ROWS)


def _repeated(element: etree._Element, what: str, most: int) -> int:
    value = element.get(f"{TABLE}number-{what}-repeated", "")
    return max(min(int(value), most), 0) if value.isdecimal() else 1


def is_shape(element: etree._Element) -> bool:
    return isinstance(element.tag, str) and element.tag.startswith(DRAW)


def paragraph_text(paragraph: etree._Element) -> str:
    """The paragraph's text; tabs, line breaks and runs of spaces as characters; without notes, comments, shapes."""
    text = ""
    walker = etree.iterwalk(paragraph, events=("start", "end"))
    for event, element in walker:
        if event == "end":
            piece = element.tail if element is not paragraph else ""
        elif element.tag in _APART or is_shape(element):
            walker.skip_subtree()
            continue
        else:
            text += _mark(element)
            piece = element.text if isinstance(element.tag, str) else ""
        piece = _SPACES.sub(" ", piece or "")
        text += piece.removeprefix(" ") if not text or text[-1].isspace() else piece
    return text


def _mark(element: etree._Element) -> str:
    if element.tag == _SPACE:
        count = element.get(f"{TEXT}c", "1")
        return " " * min(int(count), 100) if count.isdecimal() else " "
    return _MARKS.get(element.tag, "")


def paragraphs_of(element: etree._Element) -> Iterator[etree._Element]:
    """The paragraphs in a cell, a shape or the like, also those of shapes in it; without notes and comments."""
    walker = etree.iterwalk(element, events=("start",))
    for _, each in walker:
        if each.tag in _APART:
            walker.skip_subtree()
        elif each.tag in (PARAGRAPH, HEADING):
            yield each
