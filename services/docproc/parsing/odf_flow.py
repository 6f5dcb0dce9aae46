"""The running text of an OpenDocument: headings, paragraphs, lists, tables, shapes, and what is noted beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from services.docproc.parsing.archive import Archive, resolve
from services.docproc.parsing.odf import (
    ANNOTATION,
    CELL,
    COVERED,
    DRAW,
    HEADING,
    HREF,
    NOTE,
    OFFICE,
    PARAGRAPH,
    PRESENTATION,
    STYLE,
    TABLE,
    TEXT,
    cells_of,
    grid,
    is_shape,
    paragraph_text,
    paragraphs_of,
    rows_of,
)
from services.docproc.parsing.writer import Writer

_LIST, _TABLE, _OBJECT = f"{TEXT}list", f"{TABLE}table", f"{DRAW}object"
_UNSEEN = frozenset({f"{TEXT}tracked-changes", f"{OFFICE}forms", f"{PRESENTATION}notes"})
_BLOCKS = frozenset({PARAGRAPH, HEADING, _LIST, _TABLE, _OBJECT, ANNOTATION})
_NOT_CONTENT = frozenset({"page-number", "date-time"})
_HEADING_STYLE = re.compile(r"Heading_20_([1-9]\d?)$")
_CHAIN = 12


class Styles:
    """The paragraph styles by name."""

    def __init__(self, roots: Sequence[etree._Element]) -> None:
        self._styles = {
            style.get(f"{STYLE}name"): style
            for root in roots
            for style in root.iter(f"{STYLE}style")
            if style.get(f"{STYLE}family") == "paragraph"
        }

    def heading_level(self, name: str | None) -> int | None:
        """By the style's outline level or its name (the title of the document is 1); None for running text."""
        for _ in range(_CHAIN):
            style = self._styles.get(name)
            level = style.get(f"{STYLE}default-outline-level", "") if style is not None else ""
            if found := _HEADING_STYLE.match(name or ""):
                level = level or found[1]
            if level.isdecimal() or name == "Title":
                return int(level or 1)
            name = style.get(f"{STYLE}parent-style-name") if style is not None else None
        return None


class Flow:
    """Writes elements in document order. Notes and comments wait until `write_notes`."""

    def __init__(self, writer: Writer, archive: Archive, styles: Styles) -> None:
        self._writer = writer
        self._archive = archive
        self._styles = styles
        self._in_list = False
        self._objects: set[str] = set()
        self._notes: dict[str, list[etree._Element]] = {"footnote": [], "endnote": [], "comment": []}

    def write(self, root: etree._Element, without: Sequence[etree._Element] = ()) -> None:
        walker = etree.iterwalk(root, events=("start",))
        for _, element in walker:
            if element is root:
                continue
            if element in without or element.tag in _UNSEEN or _is_furniture(element):
                walker.skip_subtree()
            elif element.tag in _BLOCKS:
                walker.skip_subtree()
                self._block(element)

    def write_notes(self) -> None:
        """Footnotes, then endnotes, then comments, those in notes too; each is written once."""
        for kind in self._notes:
            while waiting := self._notes[kind]:
                self._notes[kind] = []
                for note in waiting:
                    self.write(note)
        self._in_list = False

    def _block(self, element: etree._Element) -> None:
        if element.tag == _LIST:
            self._list(element, 0)
        elif element.tag == _TABLE:
            self._table(element)
        elif element.tag == _OBJECT:
            self._object(element.get(HREF, ""))
        elif element.tag == ANNOTATION:
            self._notes["comment"].append(element)
        else:
            self._paragraph(element)

    def _paragraph(self, paragraph: etree._Element) -> None:
        text, level = paragraph_text(paragraph), self._level(paragraph)
        if level is not None:
            self._writer.heading(level, text)
        else:
            self._writer.block(text)
        if text.strip():
            self._in_list = False
        self.write_beside(paragraph)

    def _level(self, paragraph: etree._Element) -> int | None:
        if paragraph.tag == HEADING:
            level = paragraph.get(f"{TEXT}outline-level", "")
            return int(level) if level.isdecimal() else 1
        return self._styles.heading_level(paragraph.get(f"{TEXT}style-name"))

    def write_beside(self, element: etree._Element) -> None:
        """Writes the shapes that hang on a paragraph or a sheet, and keeps its notes and comments for later."""
        walker = etree.iterwalk(element, events=("start",))
        for _, each in walker:
            if each.tag == NOTE:
                kind = "endnote" if each.get(f"{TEXT}note-class") == "endnote" else "footnote"
                self._notes[kind].extend(each.iterchildren(f"{TEXT}note-body"))
            elif each.tag == ANNOTATION:
                self._notes["comment"].append(each)
            elif is_shape(each):
                self.write(each)
            else:
                continue
            walker.skip_subtree()

    def _list(self, items: etree._Element, depth: int) -> None:
        for item in items.iterchildren(f"{TEXT}list-header", f"{TEXT}list-item"):
            marker = "-"
            for element in item:
                if element.tag == _LIST:
                    self._list(element, depth + 1)
                elif element.tag == PARAGRAPH:
                    text = paragraph_text(element)
                    if text.strip():
                        self._writer.item(text, depth + (not marker), marker, first=not self._in_list)
                        marker, self._in_list = "", True
                    self.write_beside(element)
                elif element.tag in _BLOCKS:
                    self._block(element)
                else:
                    self.write(element)

    def _table(self, table: etree._Element) -> None:
        """A table of one column or with tables inside is a frame for layout: what it holds is written as it comes."""
        self._in_list = False
        rows = list(rows_of(table))
        columns = max((len(row.findall(CELL)) + len(row.findall(COVERED)) for row in rows), default=0)
        if next(table.iterdescendants(_TABLE), None) is not None or columns < 2:
            for row in rows:
                for cell in row.iterchildren(CELL):
                    self.write(cell)
        else:
            self._writer.table(grid([cells_of(row, self._cell) for row in rows]))

    def _cell(self, cell: etree._Element) -> str:
        for note in cell.iterdescendants(NOTE):
            self._notes["footnote"].extend(note.iterchildren(f"{TEXT}note-body"))
        self._notes["comment"].extend(cell.iterdescendants(ANNOTATION))
        return " ".join(map(paragraph_text, paragraphs_of(cell)))

    def _object(self, href: str) -> None:
        """An embedded chart or document: its words and its table."""
        name = f"{resolve('', href)}/content.xml"
        if name in self._archive and name not in self._objects:
            self._objects.add(name)
            self.write(self._archive.xml(name))


def _is_furniture(element: etree._Element) -> bool:
    """A field that the slide's layout fills in, or an empty place that waits for content."""
    placeholder = element.get(f"{PRESENTATION}placeholder") == "true"
    return placeholder or element.get(f"{PRESENTATION}class") in _NOT_CONTENT
