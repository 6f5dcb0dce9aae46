"""Word documents: headings, paragraphs, lists, tables, text boxes, headers and footers, notes and comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from services.docproc.parsing.archive import Archive, opened
from services.docproc.parsing.docx_styles import Styles
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.ooxml import attribute, child, local, main_part, paragraph_text
from services.docproc.parsing.writer import Writer
from shared.contracts.kinds import Kind

_KIND = "Word document"
_TRANSPARENT = frozenset(
    {"document", "body", "hdr", "ftr", "footnotes", "footnote", "endnotes", "endnote", "comments", "comment"}
) | {"sdt", "sdtContent", "docPartObj", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice"}
_SEPARATORS = frozenset({"separator", "continuationSeparator", "continuationNotice"})
_BEFORE, _AFTER, _NOTES = ("header",), ("footer",), ("footnotes", "endnotes", "comments")


def read(path: Path, limits: Limits) -> Extracted:
    """One text without pages: where a page ends is decided by whoever lays the document out.

    Headers come first and footers and notes last, each wording once.
    """
    writer = Writer(limits)
    with opened(path, _KIND, limits) as archive:
        part = main_part(archive, "word/document.xml")
        document = archive.xml(part)
        relations = archive.relations(part).values()
        styles = Styles.of(archive, next((each.target for each in relations if each.kind == "styles"), None))
        body = _Body(writer, styles)
        beside = {kind: [each.target for each in relations if each.kind == kind] for kind in _BEFORE + _AFTER + _NOTES}
        for kind in _BEFORE:
            _write_beside(archive, beside[kind], body)
        body.write(document)
        for kind in _AFTER:
            _write_beside(archive, beside[kind], body)
        with writer.marked(Kind.NOTES):
            for kind in _NOTES:
                _write_beside(archive, beside[kind], body)
    writer.end_page(None)
    return Extracted(tuple(writer.pages))


def _write_beside(archive: Archive, parts: list[str], body: _Body) -> None:
    seen = set()
    for part in sorted(part for part in parts if part in archive):
        root = archive.xml(part)
        text = "\n".join(paragraph_text(paragraph) for paragraph in root.iter("{*}p"))
        if text.strip() and text not in seen:
            body.write(root)
        seen.add(text)


class _Body:
    def __init__(self, writer: Writer, styles: Styles) -> None:
        self._writer = writer
        self._styles = styles
        self._in_list = False

    def write(self, root: etree._Element) -> None:
        for block in _blocks(root):
            if local(block) == "tbl":
                self._table(block)
            else:
                self._paragraph(block)

    def _paragraph(self, paragraph: etree._Element) -> None:
        if not len(paragraph):
            return
        text = paragraph_text(paragraph)
        level = self._styles.heading_level(paragraph)
        depth = self._styles.list_depth(paragraph)
        if level is not None and text.strip():
            self._writer.heading(level, text)
        elif depth is not None:
            self._writer.item(text, depth, first=not self._in_list)
        else:
            self._writer.block(text)
        if text.strip():
            self._in_list = level is None and depth is not None
        for box in _boxes(paragraph):
            self.write(box)

    def _table(self, table: etree._Element) -> None:
        """A table of one column or with tables inside is a frame for layout: what it holds is written as it comes."""
        self._in_list = False
        rows = [list(_inside(row, "tc")) for row in _inside(table, "tr")]
        nested = next(table.iterdescendants("{*}tbl"), None)
        if nested is not None or max(map(len, rows), default=0) < 2:
            for row in rows:
                for cell in row:
                    self.write(cell)
        else:
            self._writer.table([_cell_text(cell) for cell in row] for row in rows)


def _blocks(root: etree._Element) -> Iterator[etree._Element]:
    """Paragraphs and tables in document order, those inside of a table or a text box left to it."""
    walker = etree.iterwalk(root, events=("start",))
    for _, element in walker:
        name = local(element)
        if element is root:
            continue
        if name in ("p", "tbl"):
            yield element
            walker.skip_subtree()
        elif name not in _TRANSPARENT or attribute(element, "type") in _SEPARATORS:
            walker.skip_subtree()


def _inside(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The rows of a table or the cells of a row, also where they are wrapped in a control or a tracked change."""
    for each in element:
        if local(each) == name:
            yield each
        elif local(each) in _TRANSPARENT:
            yield from _inside(each, name)


def _boxes(paragraph: etree._Element) -> Iterator[etree._Element]:
    walker = etree.iterwalk(paragraph, events=("start",))
    for _, element in walker:
        if local(element) == "Fallback":
            walker.skip_subtree()
        elif local(element) == "txbxContent":
            yield element
            walker.skip_subtree()


def _cell_text(cell: etree._Element) -> str:
    merged = child(cell, "tcPr", "vMerge")
    if merged is not None and attribute(merged, "val") != "restart":
        return ""  # goes on from the cell above, which holds the text
    return " ".join(paragraph_text(paragraph) for paragraph in cell.iter("{*}p"))
