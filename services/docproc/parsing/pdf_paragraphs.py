"""From lines to paragraphs: what a line's end has torn is put together again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from unicodedata import east_asian_width, name

from services.docproc.parsing.pdf_boxes import Box
from services.docproc.parsing.pdf_columns import Item
from services.docproc.parsing.pdf_lines import Piece
from services.docproc.parsing.pdf_tables import DIVIDED, DIVISION, Table

Block = str | list[list[str]]
"""A paragraph or several lines, or a table's rows."""

_MARKED = re.compile(r"(?:[•◦▪▫■□●○◆➢✓‣⁃*·–—-]|\(?\w{1,3}[.):])\s")
_AROUND = 4
"""Lines above and below, by which the width of a paragraph is told."""
_RAGGED = 2.5
"""In heights of a line: so much shorter than another may a line be and still go to the same margin."""
_INDENTED = 3.0
_APART = 1.35
"""In usual distances between lines: more parts two paragraphs."""


@dataclass(slots=True)
class _Row:
    """What stands on one line. `whole` is False where it stands in several pieces, as in a table."""

    text: str
    box: Box
    base: float
    size: float
    broken: bool
    whole: bool = True
    leftwards: bool = False

    @property
    def start(self) -> float:
        return -self.box.right if self.leftwards else self.box.left

    @property
    def end(self) -> float:
        return -self.box.left if self.leftwards else self.box.right


def blocks(items: Iterable[Item]) -> list[Block]:
    """The items, in the order in which they are read, as paragraphs and tables."""
    found: list[Block] = []
    rows: list[_Row] = []
    for item in items:
        if isinstance(item, Table):
            found += [*_paragraphs(rows), item.rows]
            rows = []
        elif rows and _beside(rows[-1], item):
            _widen(rows[-1], item)
        else:
            rows.append(_row(item))
    return [*found, *_paragraphs(rows)]


def _row(piece: Piece) -> _Row:
    box = Box(piece.box.left, piece.box.bottom, piece.box.right, piece.box.top)
    leftwards = any(0x590 <= ord(letter) < 0x900 for letter in piece.text[:4])
    return _Row(piece.text, box, piece.base, piece.size, piece.broken, piece.upright, leftwards)


def _beside(row: _Row, piece: Piece) -> bool:
    return piece.upright and abs(row.base - piece.base) < 0.4 * row.size and row.box.beside(piece.box)


def _widen(row: _Row, piece: Piece) -> None:
    row.whole = bool(_MARKED.fullmatch(f"{row.text} "))
    apart = max(piece.box.left - row.box.right, row.box.left - piece.box.right) > 0.22 * row.size
    row.text += f" {piece.text}" if apart else piece.text
    row.box.include(piece.box)
    row.broken = piece.broken


def _paragraphs(rows: Sequence[_Row]) -> Iterator[str]:
    if not rows:
        return
    usual = _usual_distance(rows)
    parts = [rows[0].text]
    continued = False
    for at in range(1, len(rows)):
        one, other = rows[at - 1], rows[at]
        distance = one.base - other.base
        near = 0.3 * other.size < distance <= _APART * max(usual, one.size)
        if _is_divided(one, other):
            parts += (DIVISION, other.text)
            parts[-3] = parts[-3].removesuffix("-")
            continued = near
        elif near and _goes_on(rows, at, continued):
            parts += ("" if _unspaced(one.text, other.text) else " ", other.text)
            continued = True
        elif near:
            parts += ("\n", other.text)
            continued = False
        else:
            yield "".join(parts)
            parts, continued = [other.text], False
    yield "".join(parts)


def _usual_distance(rows: Sequence[_Row]) -> float:
    distances = [one.base - other.base for one, other in pairwise(rows)]
    usual = [distance for distance in distances if distance > 0]
    return median(usual) if usual else 0.0


def _is_divided(one: _Row, other: _Row) -> bool:
    if one.broken:
        return other.text[:1].isalpha()
    return other.text[:1].islower() and bool(DIVIDED.search(one.text)) and other.base < one.base


def _goes_on(rows: Sequence[_Row], at: int, continued: bool) -> bool:
    """Whether the row is the next line of the paragraph: its first word had no room on the line before."""
    one, other = rows[at - 1], rows[at]
    if not (one.whole and other.whole) or one.leftwards != other.leftwards or not _alike(one, other):
        return False
    if _MARKED.match(other.text) or one.box.beside(other.box):
        return False
    indent = other.start - one.start
    if (indent > 0.8 * one.size and not _MARKED.match(one.text)) or (continued and indent < -0.8 * one.size):
        return False
    word = other.text.split(maxsplit=1)[0]
    width = (other.end - other.start) * len(word) / len(other.text)
    return one.end + 0.3 * one.size + width > _margin(rows, at, one)


def _unspaced(one: str, other: str) -> bool:
    """Whether both are in a script that puts no space between words: Chinese or Japanese, and not Korean."""
    return all(east_asian_width(at) in "WF" and not name(at, "").startswith("HANGUL") for at in (one[-1], other[0]))


def _margin(rows: Sequence[_Row], at: int, one: _Row) -> float:
    """Where the lines around end; infinite where only one goes so far, since that shows no margin."""
    near = [row for row in rows[max(at - 1 - _AROUND, 0) : at + _AROUND] if row.whole and _alike(row, one)]
    ends = sorted((row.end for row in near if abs(row.start - one.start) <= _INDENTED * one.size), reverse=True)
    return ends[0] if len(ends) > 1 and ends[0] - ends[1] <= _RAGGED * one.size else float("inf")


def _alike(one: _Row, other: _Row) -> bool:
    return abs(one.size - other.size) <= 0.12 * max(one.size, other.size)
