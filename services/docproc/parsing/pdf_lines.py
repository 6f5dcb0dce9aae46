"""The lines of a PDF's page as pdfium finds them, in the order of the file, each with its place."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from ctypes import byref, c_double
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing.pdf_boxes import Box, turned
from services.docproc.parsing.pdf_vertical import below, may_be_vertical, runs

_LINE = re.compile("(?:[^\r\n\ufffe\x02]|\r(?!\n))+")
_HYPHEN = "\ufffe\x02"
_GAP = 0.9
"""The space, in heights of the line, that parts two pieces which stand beside each other."""


@dataclass(slots=True)
class Piece:
    """A line, or what stands of it between two wide gaps. `number` is that of pdfium's line."""

    text: str
    box: Box
    base: float
    size: float
    number: int
    upright: bool = True
    """False where it is turned against the rest of the page."""
    broken: bool = False
    """Whether it ends in a hyphen that pdfium takes for a word's division."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Characters `first` to `last` of the text page, which show `text`."""

    text: str
    first: int
    last: int
    turn: int
    broken: bool

    @property
    def is_whole(self) -> bool:
        """Whether each of its letters is one of pdfium's characters."""
        return self.last - self.first + 1 == len(self.text)


class PageText:
    """The text of one page. `turn` counts the quarter turns, against the clock, in which most of it is set."""

    def __init__(self, textpage: pdfium.PdfTextPage) -> None:
        self._open = textpage  # its handle is valid as long as this lives
        self._page = textpage.raw
        self.text = str(textpage.get_text_range())
        self._plain = len(self.text) == textpage.count_chars()
        self._rect = raw.FS_RECTF()
        self._edges = [c_double() for _ in range(4)]
        self._pointers = [byref(edge) for edge in self._edges]
        self.turn = 0
        self._spans = [span for line in _LINE.finditer(self.text) for span in self._in_columns(line)]
        turns: Counter[int] = Counter()
        for span in self._spans:
            turns[span.turn] += len(span.text)
        self.turn = turns.most_common(1)[0][0] if turns else 0

    def pieces(self, seen: Box) -> list[Piece]:
        """Without what stands outside of `seen`, the page's own edges."""
        return [piece for number, span in enumerate(self._spans) for piece in self._pieces(number, span, seen)]

    def characters(self, number: int) -> list[tuple[str, Box]]:
        """Those of one line, without what pdfium put between them for the eye; empty where they can't be told apart."""
        span = self._spans[number] if number >= 0 else None
        if span is None or not span.is_whole:
            return []
        return [(character, self._loose(span.first + at)) for at, character in enumerate(span.text)]

    def _in_columns(self, line: re.Match[str]) -> Iterator[_Span]:
        """pdfium writes columns of vertical text beside each other, as if they were words of one line."""
        span = self._span(line)
        if span is None:
            return
        if not (may_be_vertical(span.text) and span.turn == 0 and span.is_whole and self._runs_down(span)):
            yield span
            return
        letters = [(character, self._loose(span.first + at)) for at, character in enumerate(span.text)]
        for start, end, turn in runs(letters):
            yield _Span(span.text[start:end], span.first + start, span.first + end - 1, turn, span.broken)

    def _runs_down(self, span: _Span) -> bool:
        return any(below(self._loose(at), self._loose(at + 1)) for at in {span.first, span.last - 1} if at < span.last)

    def _span(self, found: re.Match[str]) -> _Span | None:
        text = found[0].strip()
        if not text:
            return None
        start = found.start() + len(found[0]) - len(found[0].lstrip())
        first = max(self._index(start), 0)
        last = max(self._index(start + len(text) - 1), first)
        angle = raw.FPDFText_GetCharAngle(self._page, first)
        broken = self.text[found.end() : found.end() + 1] in tuple(_HYPHEN)
        return _Span(text, first, last, round(-angle / (math.pi / 2)) % 4, broken)

    def _index(self, at: int) -> int:
        """pdfium counts characters that stand for nothing, too."""
        return at if self._plain else int(raw.FPDFText_GetCharIndexFromTextIndex(self._page, at))

    def _pieces(self, number: int, span: _Span, seen: Box) -> Iterator[Piece]:
        upright = span.turn == self.turn
        rects = self._rects(span)
        if not rects:
            rects = [self._loose(span.first)]
        size = self._size(span, rects)
        box = Box(rects[0].left, rects[0].bottom, rects[0].right, rects[0].top)
        for rect in rects[1:]:
            box.include(rect)
        base = self._base(span.first)
        if not seen.holds(box) and span.is_whole:
            inside = [(letter, place) for letter, place in self.characters(number) if seen.meets(place)]
            for piece in split(inside, size, base, number, span.broken):
                piece.upright = upright
                yield piece
            return
        if upright and len(groups := _groups(rects, _GAP * size)) > 1:
            ends = self._ends(span, groups)
            if ends:
                yield from _parts(span, groups, ends, Piece("", box, base, size, number))
                return
            if characters := self.characters(number):
                yield from split(characters, size, base, number, span.broken)
                return
        yield Piece(span.text, box, base, size, number, upright, span.broken)

    def _ends(self, span: _Span, groups: list[Box]) -> list[int]:
        """Where in the span each group ends; empty where its characters don't simply follow each other to the right."""
        if not span.is_whole or any(one.left > other.left for one, other in pairwise(groups)):
            return []
        ends, low = list[int](), 0
        for one, other in pairwise(groups):
            gap = (one.right + other.left) / 2
            low = bisect_left(range(len(span.text)), gap, lo=low, key=lambda at: self._loose(span.first + at).left)
            ends.append(low)
        return [*ends, len(span.text)]

    def _rects(self, span: _Span) -> list[Box]:
        left, top, right, bottom = self._edges
        pointers = self._pointers
        boxes = []
        for index in range(raw.FPDFText_CountRects(self._page, span.first, span.last - span.first + 1)):
            raw.FPDFText_GetRect(self._page, index, *pointers)
            boxes.append(turned((left.value, bottom.value, right.value, top.value), self.turn))
        return boxes

    def _loose(self, index: int) -> Box:
        rect = self._rect
        raw.FPDFText_GetLooseCharBox(self._page, index, rect)
        return turned((rect.left, rect.bottom, rect.right, rect.top), self.turn)

    def _size(self, span: _Span, rects: list[Box]) -> float:
        """The height of a line of this font; that of the ink where the font is silent on it."""
        at = len(span.text) // 2
        middle = self._loose(span.first + (at if span.text[at] != " " else at - 1))
        return max(middle.top - middle.bottom, *(rect.top - rect.bottom for rect in rects), 1.0)

    def _base(self, index: int) -> float:
        x, y, *_ = self._edges
        raw.FPDFText_GetCharOrigin(self._page, index, *self._pointers[:2])
        return turned((x.value, y.value, x.value, y.value), self.turn).bottom


def _groups(rects: list[Box], limit: float) -> list[Box]:
    """What stands together, in the order of the file where that runs to the right; else from the left."""
    groups: list[Box] = []
    ordered = all(one.left <= other.left for one, other in pairwise(rects))
    for rect in rects if ordered else sorted(rects, key=lambda rect: rect.left):
        if groups and rect.left - groups[-1].right <= limit:
            groups[-1].include(rect)
        else:
            groups.append(Box(rect.left, rect.bottom, rect.right, rect.top))
    return groups if ordered else groups[::-1]


def _parts(span: _Span, groups: list[Box], ends: list[int], like: Piece) -> Iterator[Piece]:
    start = 0
    for box, end in zip(groups, ends, strict=True):
        text = " ".join(span.text[start:end].split())
        start = end
        if text:
            yield Piece(text, box, like.base, like.size, like.number, broken=span.broken and end == ends[-1])


def split(characters: list[tuple[str, Box]], size: float, base: float, number: int, broken: bool) -> Iterator[Piece]:
    """The pieces of a line of which these are the characters."""
    letters: list[str] = []
    box: Box | None = None
    before: Box | None = None
    for letter, place in characters:
        if letter.isspace():
            letters.append(" ")
            continue
        if box is not None and before is not None and _distance(before, place) > _GAP * size:
            yield Piece("".join(letters).strip(), box, base, size, number)
            letters, box = [], None
        letters.append(letter)
        before = place
        if box is None:
            box = Box(place.left, place.bottom, place.right, place.top)
        else:
            box.include(place)
    if box is not None:
        yield Piece("".join(letters).strip(), box, base, size, number, broken=broken)


def _distance(one: Box, other: Box) -> float:
    return max(other.left - one.right, one.left - other.right)
