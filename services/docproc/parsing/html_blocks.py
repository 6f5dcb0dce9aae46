"""Puts the running text of HTML into blocks: paragraphs, headings, items of lists, rows of tables."""

from __future__ import annotations

import re

from lxml import etree

from services.docproc.parsing.writer import Writer
from shared.contracts.kinds import Kind

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = (
    frozenset(
        {
            "html",
            "body",
            "frameset",
            "main",
            "nav",
            "header",
            "footer",
            "section",
            "article",
            "aside",
            "address",
            "dialog",
        }
    )
    | {"p", "div", "center", "blockquote", "figure", "figcaption", "details", "summary", "hr"}
    | {"ul", "ol", "menu", "dir", "li", "dl", "dt", "dd"}
    | {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
    | {"form", "fieldset", "legend", "optgroup", "option"}
)
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_CELLS = frozenset({"td", "th"})
_IN_LAYOUT_TABLES = "self::table or self::ul or self::ol or self::pre or self::h1 or self::h2 or self::h3 or self::h4"
_SPACES = re.compile(r"[ \t\n\r\f]+")


class Blocks:
    """Told of each tag and text in document order, it writes a block whenever one is complete."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._text: list[str] = []
        self._lists: list[int | None] = []  # the next number of each open list, None where it has bullets
        self._marker: str | None = None  # of an item that has begun and has no text yet
        self._list_begins = False
        self._preformatted = 0
        self._table: etree._Element | None = None  # the data table that is being collected
        self._rows: list[list[str]] = []

    def start(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "br":
            self._text.append("\n")
        elif tag == "pre":
            self.flush()
            self._preformatted += 1
        elif tag in _CELLS and self._table is not None:
            self._text.clear()
        elif self._table is not None and (tag in _BLOCKS or tag in _HEADINGS):
            self._open_in_table(tag)
        elif tag in _BLOCKS or tag in _HEADINGS:
            self.flush()
            self._open(element)

    def end(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "pre":
            self._flush_preformatted()
        elif tag in _HEADINGS and self._table is None:
            self._writer.heading(_HEADINGS[tag], self._take())
        elif element is self._table:
            self._end_table()
        elif self._table is not None:
            self._close_in_table(tag)
        elif tag in _BLOCKS:
            self.flush()
            self._close(tag)

    def text(self, text: str | None) -> None:
        if text:
            self._text.append(text if self._preformatted else _SPACES.sub(" ", text))

    def flush(self) -> None:
        """Writes the text so far as a block of its own."""
        text = self._take()
        if not text:
            return
        if self._marker is None:
            self._writer.block(text) if not self._lists else self._writer.item(text, len(self._lists), marker="")
            return
        self._writer.item(text, len(self._lists) - 1, self._marker, first=self._list_begins)
        self._marker, self._list_begins = None, False

    def _take(self) -> str:
        lines = "".join(self._text).split("\n")
        self._text.clear()
        return "\n".join(_SPACES.sub(" ", line).strip() for line in lines).strip()

    def _open(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _LISTS:
            self._list_begins = not self._lists
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._marker = self._next_marker()
        elif tag == "table" and not element.xpath(f"boolean(.//*[{_IN_LAYOUT_TABLES}])"):
            self._table, self._rows = element, []

    def _close(self, tag: str) -> None:
        if tag in _LISTS and self._lists:
            self._lists.pop()
            self._marker = None

    def _next_marker(self) -> str:
        if not self._lists:
            self._lists.append(None)  # an item outside of any list
        number = self._lists[-1]
        if number is None:
            return "-"
        self._lists[-1] = number + 1
        return f"{number}."

    def _open_in_table(self, tag: str) -> None:
        if tag == "tr":
            self._rows.append([])
        self._text.append(" ")

    def _close_in_table(self, tag: str) -> None:
        if tag in _CELLS:
            if not self._rows:
                self._rows.append([])
            self._rows[-1].append(self._take())
        elif tag == "caption":
            self._writer.block(self._take())
        elif tag in _BLOCKS:
            self._text.append(" ")

    def _end_table(self) -> None:
        rest = self._take()
        self._writer.table(self._rows)
        self._writer.block(rest)
        self._table, self._rows = None, []

    def _flush_preformatted(self) -> None:
        self._preformatted = max(self._preformatted - 1, 0)
        text = "".join(self._text)
        self._text.clear()
        with self._writer.marked(Kind.CODE):
            self._writer.block(text)
