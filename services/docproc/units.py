"""What a page is made of: headings, paragraphs, tables, code, notes. Each is kept whole as far as the size allows."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from services.docproc.parsing.model import Page, Span
from shared.contracts.kinds import Kind

_RULE = re.compile(r"^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)[ \t]*$")


Line = tuple[int, int]
"""Start and end of a line, without its line end and the white space before that."""


class Rank(IntEnum):
    """How strongly a boundary parts what is before it from what is behind; below BLOCK are headings, by their level."""

    APART = 0
    BLOCK = 7
    ROW = 8
    PARAGRAPH = 9
    ITEM = 10
    """A line that begins an item, or follows one at whose end a sentence ends."""
    LINE = 11
    SENTENCE = 12
    WORD = 13
    PIECE = 14
    LEAST = 15


class Grain(IntEnum):
    """How fine a unit is: what it may be divided into is finer."""

    BLOCK = 0
    HEAD = 1
    """The first row of a table, with the line below it."""
    ROW = 2
    PARAGRAPH = 3
    LINE = 4
    SENTENCE = 5
    WORD = 6
    PIECE = 7


class Unit(NamedTuple):
    """A stretch of a page's text without white space at its end. `rank` is that of the boundary before it.

    `level` is that of a heading, 0 for anything else. `header` is the head of the table whose later rows it is from.
    """

    start: int
    end: int
    rank: int
    grain: Grain = Grain.BLOCK
    kind: Kind = Kind.TEXT
    level: int = 0
    header: str = ""


def boundary(before: Unit, after: Unit) -> int | None:
    """The rank of the boundary between two neighbours; None where there must be none, as behind a heading."""
    if before.level:
        return None
    if (before.kind is Kind.NOTES) is not (after.kind is Kind.NOTES):
        return Rank.APART
    if before.kind is Kind.TABLE and before.grain is not Grain.BLOCK and not _goes_on(after):
        return Rank.APART
    return Rank.LEAST if before.grain is Grain.HEAD and after.grain is Grain.ROW else after.rank


def _goes_on(unit: Unit) -> bool:
    return unit.kind is Kind.TABLE and unit.grain not in (Grain.BLOCK, Grain.HEAD)


def units(page: Page, *, markdown: bool) -> Iterator[Unit]:
    """The blocks of the page in order; together they hold everything but white space."""
    reader, position = _Running(page, markdown), 0
    for span in sorted(page.spans, key=lambda span: (span.start, -span.end)):
        if position <= span.start < span.end:
            yield from reader.units(position, span.start)
            yield from _whole(page.text, span)
            position = span.end
    yield from reader.units(position, len(page.text))


def _whole(text: str, span: Span) -> Iterator[Unit]:
    first = next(lines_of(text, span.start, span.end), None)
    if first is not None:
        end = first[0] + len(text[first[0] : span.end].rstrip())
        yield Unit(first[0], end, Rank.BLOCK, kind=span.kind)


def lines_of(text: str, start: int, end: int) -> Iterator[Line]:
    """The lines that aren't blank."""
    while start < end:
        newline = text.find("\n", start, end)
        stop = newline if newline >= 0 else end
        if length := len(text[start:stop].rstrip()):
            yield start, start + length
        start = stop + 1


def is_rule(text: str, line: Line) -> bool:
    """Whether the line is the one below the head of a table, as in `| --- | --- |`."""
    return "|" in text[slice(*line)] and _RULE.match(text[slice(*line)]) is not None


class _Running:
    """Reads headings, tables and paragraphs out of what nobody has marked."""

    def __init__(self, page: Page, markdown: bool) -> None:
        self._text = page.text
        self._markdown = markdown
        self._levels = {heading.start: heading.level for heading in page.headings}
        if not markdown:  # an outline's entry may stand for a page without being written there as a line of its own
            titles = {heading.start: heading.title for heading in page.headings}
            lines = ((start, page.text.find("\n", start)) for start in titles)
            titled = {start for start, end in lines if page.text[start : end if end >= 0 else None] == titles[start]}
            self._levels = {start: level for start, level in self._levels.items() if start in titled}

    def units(self, start: int, end: int) -> Iterator[Unit]:
        lines = _Lines(self._text, start, end)
        while lines.peek() is not None:
            yield self._unit(lines)

    def _unit(self, lines: _Lines) -> Unit:
        first = last = lines.take()
        if level := self._levels.get(first[0], 0):
            if self._markdown and lines.adjoin(last) and self._underlined(lines):
                last = lines.take()
            return Unit(first[0], last[1], level, level=level)
        if self._heads_table(first, lines, 0):
            while lines.adjoin(last) and "|" in self._of(lines.peek()):
                last = lines.take()
            return Unit(first[0], last[1], Rank.BLOCK, kind=Kind.TABLE)
        while lines.adjoin(last) and not self._begins(lines):
            last = lines.take()
        return Unit(first[0], last[1], Rank.BLOCK)

    def _begins(self, lines: _Lines) -> bool:
        """Whether a heading or a table begins with the next line."""
        line = lines.peek()
        return line is not None and (line[0] in self._levels or self._heads_table(line, lines, 1))

    def _heads_table(self, line: Line, lines: _Lines, below: int) -> bool:
        if not self._markdown or "|" not in self._of(line):
            return False
        rule = lines.peek(below)
        return rule is not None and rule[0] == self._next_start(line) and is_rule(self._text, rule)

    def _underlined(self, lines: _Lines) -> bool:
        return _UNDERLINE.match(self._of(lines.peek())) is not None

    def _next_start(self, line: Line) -> int:
        return self._text.find("\n", line[1]) + 1

    def _of(self, line: Line | None) -> str:
        return self._text[slice(*line)] if line else ""


class _Lines:
    """The lines that aren't blank, one after the other, with a look ahead."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text = text
        self._lines = lines_of(text, start, end)
        self._ahead: deque[Line] = deque()

    def peek(self, further: int = 0) -> Line | None:
        while len(self._ahead) <= further:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[further]

    def take(self) -> Line:
        """Raises IndexError where there is none."""
        self.peek()
        return self._ahead.popleft()

    def adjoin(self, line: Line) -> bool:
        """Whether there is a next one, with no blank line before it."""
        following = self.peek()
        return following is not None and following[0] == self._text.find("\n", line[1]) + 1
