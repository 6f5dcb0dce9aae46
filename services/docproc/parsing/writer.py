"""Collects a document's text as Markdown, remembering where its headings are and how much there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from services.docproc.parsing.model import Heading, Limits, Page, Span
from services.docproc.parsing.refusals import too_large
from shared.contracts.kinds import Kind

# controls but tab and newline, soft hyphen, zero-width space, byte order mark, lone surrogates, non-characters
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\ufeff\ud800-\udfff\ufffe\uffff]")
_NEWLINES = re.compile("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")
_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """The text with `\\n` as its only line end and without characters that show nothing."""
    return _UNPRINTABLE.sub("", _NEWLINES.sub("\n", text))


def one_line(text: str) -> str:
    """The text with each run of white space, line ends too, as one space."""
    return _SPACES.sub(" ", clean(text)).strip()


class Writer:
    """Writes one document: blocks go to the current page until `end_page` closes it.

    Raises Permanent(too_large) as soon as a limit is passed, so that a bomb isn't unpacked to its end.
    """

    def __init__(self, limits: Limits) -> None:
        self.pages: list[Page] = []
        self._limits = limits
        self._written = 0
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._spans: list[Span] = []

    @contextmanager
    def marked(self, kind: Kind) -> Iterator[None]:
        """What is written meanwhile is of this kind; within a page, and not within another mark."""
        start = self._length
        yield
        if self._length > start:
            self._spans.append(Span(start, self._length, kind))

    def block(self, text: str, *, gap: str = "\n\n") -> None:
        """A paragraph; `gap` is what parts it from the block before (a newline between the items of a list)."""
        text = clean(text).strip("\n").rstrip()
        if text.strip():
            self._append(gap if self._parts else "", text)

    def heading(self, level: int, title: str) -> None:
        title = one_line(title)
        if not title:
            return
        level = min(max(level, 1), 6)
        gap = "\n\n" if self._parts else ""
        self._headings.append(Heading(level, title, self._length + len(gap)))
        self._append(gap, f"{'#' * level} {title}")

    def item(self, text: str, depth: int, marker: str = "-", *, first: bool = False) -> None:
        """An item of a list, `depth` counting from 0; `first` parts the list from what stands above it."""
        indent = "  " * min(depth, 8)
        lines = clean(text).strip().replace("\n", f"\n{indent}  ")
        if lines:
            self.block(f"{indent}{marker} {lines}", gap="\n\n" if first else "\n")

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Rows as a Markdown table, the first as its head; without empty rows, or empty cells beyond the head's."""
        width = 0
        for count, row in enumerate(row for row in rows if any(cell.strip() for cell in row)):
            width = width or len(row)
            cells = [one_line(cell) for cell in row]
            while len(cells) > width and not cells[-1]:
                cells.pop()
            self.block("| " + " | ".join(cells) + " |", gap="\n" if count else "\n\n")
            if count == 0:
                self.block("|" + " --- |" * len(row), gap="\n")

    def include(self, page: Page, level: int) -> None:
        """A page of another document as it is, its headings below a heading of this level."""
        gap = "\n\n" if self._parts else ""
        start = self._length + len(gap)
        self._headings += [
            Heading(min(each.level + level, 6), each.title, start + each.start) for each in page.headings
        ]
        self._append(gap, page.text)

    def end_page(self, number: int | None) -> None:
        """Closes the current page; one without text is left out."""
        if number is not None and number > self._limits.max_pages:
            raise too_large("pages", self._limits.max_pages)
        if self._parts:
            self.pages.append(Page(number, "".join(self._parts), tuple(self._headings), tuple(self._spans)))
        self._parts, self._length, self._headings, self._spans = [], 0, [], []

    def _append(self, gap: str, text: str) -> None:
        size = len(gap) + len(text)
        self._written += size
        if self._written > self._limits.max_chars:
            raise too_large("characters of text", self._limits.max_chars)
        self._parts += (gap, text)
        self._length += size
