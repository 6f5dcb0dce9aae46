"""Divides a unit that is too large into finer ones: rows, paragraphs, lines, sentences, words, and pieces of a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain, islice

from services.docproc.units import Grain, Rank, Unit, is_rule, lines_of
from shared.contracts.kinds import Kind

Part = tuple[int, int, int]
"""Start and end in the page's text, and the rank of the boundary before."""
Pieces = Callable[[str, int], Iterator[tuple[int, int]]]
"""Cuts a word into pieces, given by start and end, of which the first has that many tokens at most."""

_WORD = re.compile(r"\S+")
_ITEM = re.compile(r"(?:[-*+•–]|\w{1,3}[.)]) ")
_CLOSING = "\"'”’»)]」』）"
_FULL_STOPS = ".!?…:;。！？｡؟।"
_SENTENCE_END = re.compile(
    rf"(?<=[.!?…])[{re.escape(_CLOSING)}]{{0,3}}\s++(?![a-z])|(?<=[。！？｡؟।])[{re.escape(_CLOSING)}]{{0,3}}+(?![。！？｡؟।])"
)


class Divider:
    """Of the text of one page."""

    def __init__(self, text: str, pieces: Pieces, repeated: Callable[[str], bool]) -> None:
        """`repeated` says whether the head of a table is short enough to stand before each of its parts."""
        self._text = text
        self._pieces = pieces
        self._repeated = repeated

    def divide(self, unit: Unit, room: int, *, pieces: bool) -> Iterator[Unit] | None:
        """Finer units that hold what this one holds, but for white space; None where there are none.

        Words are divided only where `pieces` says so; a piece that comes first has `room` tokens at most then.
        """
        if unit.grain is Grain.BLOCK and unit.kind is Kind.TABLE:
            return self._rows(unit)
        for grain in (each for each in Grain if each > unit.grain and (pieces or each is not Grain.PIECE)):
            parts = self._parts(unit, grain, room)
            first = list(islice(parts, 2))
            if len(first) == 2 or (first and first[0][:2] != (unit.start, unit.end)):
                return _as_units(unit, grain, chain(first, parts))
        return None

    def _rows(self, table: Unit) -> Iterator[Unit]:
        lines = lines_of(self._text, table.start, table.end)
        start, end = next(lines)
        below = next(lines, None)
        if below and is_rule(self._text, below):
            end, below = below[1], next(lines, None)
        header = self._text[start:end]
        header = header if self._repeated(header) else ""
        yield Unit(start, end, table.rank, Grain.HEAD, table.kind)
        for row in chain([below] if below else [], lines):
            yield Unit(*row, Rank.ROW, Grain.ROW, table.kind, 0, header)

    def _parts(self, unit: Unit, grain: Grain, room: int) -> Iterator[Part]:
        text, start, end = self._text, unit.start, unit.end
        if grain is Grain.PARAGRAPH:
            return _paragraphs(text, start, end)
        if grain is Grain.LINE:
            return _lines(text, start, end)
        if grain is Grain.SENTENCE:
            return _sentences(text, start, end)
        if grain is Grain.WORD:
            return _words(text, start, end, in_table=unit.kind is Kind.TABLE)
        if grain is Grain.PIECE:
            pieces = self._pieces(text[start:end], room)
            return ((start + first, start + last, Rank.PIECE) for first, last in pieces)
        return iter(())


def _as_units(unit: Unit, grain: Grain, parts: Iterator[Part]) -> Iterator[Unit]:
    for number, (start, end, rank) in enumerate(parts):
        yield Unit(start, end, rank if number else unit.rank, grain, unit.kind, 0, unit.header)


def _paragraphs(text: str, start: int, end: int) -> Iterator[Part]:
    first: int | None = None
    last = start
    for line in lines_of(text, start, end):
        if first is not None and line[0] != text.find("\n", last) + 1:
            yield first, last, Rank.PARAGRAPH
            first = None
        first, last = line[0] if first is None else first, line[1]
    if first is not None:
        yield first, last, Rank.PARAGRAPH


def _lines(text: str, start: int, end: int) -> Iterator[Part]:
    ended = False
    for first, last in lines_of(text, start, end):
        item = ended or _ITEM.match(text, first, last)
        yield first, last, Rank.ITEM if item else Rank.LINE
        ended = text[max(first, last - 3) : last].rstrip(_CLOSING)[-1:] in _FULL_STOPS


def _sentences(text: str, start: int, end: int) -> Iterator[Part]:
    for found in _SENTENCE_END.finditer(text, start, end):
        if found.end() < end and (length := len(text[start : found.end()].rstrip())):
            yield start, start + length, Rank.SENTENCE
            start = found.end()
    yield start, end, Rank.SENTENCE


def _words(text: str, start: int, end: int, *, in_table: bool) -> Iterator[Part]:
    for found in _WORD.finditer(text, start, end):
        cell = in_table and found[0] == "|"
        yield found.start(), found.end(), Rank.SENTENCE if cell else Rank.WORD
