"""Finds the columns of running text on a PDF's page by the gutters between them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from services.docproc.parsing.pdf_lines import Piece
from services.docproc.parsing.pdf_tables import Table

Item = Piece | Table

_MOST_ITEMS = 3_000
_DEPTH = 4
_WORD = re.compile(r"[^\W\d_]{2,}")
_LINES = 4
"""A column has at least so many lines."""
_WORDS = 3.0
"""A column's lines have on average at least so many words: those of a table have fewer."""
_GUTTER = 0.8
"""In heights of a line."""
_RIGHT_TO_LEFT = range(0x590, 0x8FF)


def columns(items: Sequence[Item]) -> list[list[Item]]:
    """The items by column, as one reads: what stands above columns first, then each of them, then what follows."""
    if not 2 * _LINES <= len(items) <= _MOST_ITEMS:
        return [list(items)]
    return [list(part) for part in _parts(items, leftwards(items), 0)]


def leftwards(items: Sequence[Item]) -> bool:
    """Whether most of it is in a script that runs from the right to the left."""
    letters = [ord(letter) for item in items if isinstance(item, Piece) for letter in item.text[:8] if letter.isalpha()]
    return sum(code in _RIGHT_TO_LEFT for code in letters) * 2 > len(letters)


def _parts(items: Sequence[Item], from_right: bool, depth: int) -> Iterator[Sequence[Item]]:
    cut = _best_cut(items) if depth < _DEPTH else None
    if cut is None:
        yield items
        return
    for band in _bands(sorted(items, key=_height), cut):
        left, right = _sides(band, cut)
        if len(left) + len(right) < len(band) or not _are_columns(left, right):
            yield from _parts(band, from_right, depth + 1) if len(band) < len(items) else (band,)
        else:
            for side in (right, left) if from_right else (left, right):
                yield from _parts(side, from_right, depth + 1)


def _best_cut(items: Sequence[Item]) -> float | None:
    """The x that parts the most lines into columns."""
    ordered = sorted(items, key=_height)
    best, most = None, 0
    for cut in _cuts(items):
        parted = sum(len(band) for band in _bands(ordered, cut) if _are_columns(*_sides(band, cut)))
        if parted > most:
            best, most = cut, parted
    return best


def _cuts(items: Sequence[Item]) -> Iterator[float]:
    """Where several lines begin that have enough text beside them."""
    starts = Counter(round(item.box.left / 2) for item in items)
    least = _LINES * _WORDS
    for start, count in starts.items():
        around = (starts[start - 1], starts[start + 1])
        if count + sum(around) >= _LINES and count >= max(around):
            cut = start * 2 - 1.5
            if all(sum(map(_words, side)) >= least for side in _sides(items, cut)):
                yield cut


def _words(item: Item) -> float:
    """Those of two letters or more; in scripts that don't part their words, two characters count as one."""
    if not isinstance(item, Piece):
        return _WORDS
    return len(_WORD.findall(item.text)) + sum(letter >= "\u2e80" for letter in item.text) / 2


def _bands(ordered: Sequence[Item], cut: float) -> Iterator[list[Item]]:
    """Runs of those beside the cut, and between them runs of those across it."""
    return (list(band) for _, band in groupby(ordered, key=lambda item: _crosses(item, cut)))


def _crosses(item: Item, cut: float) -> bool:
    return item.box.left < cut - 1 and item.box.right > cut + 1


def _height(item: Item) -> float:
    return -(item.box.bottom + item.box.top) / 2


def _sides(band: Sequence[Item], cut: float) -> tuple[list[Item], list[Item]]:
    left = [item for item in band if item.box.right <= cut + 1]
    return left, [item for item in band if item.box.left >= cut - 1 and item.box.right > cut + 1]


def _are_columns(left: Sequence[Item], right: Sequence[Item]) -> bool:
    if not left or not right or not (_reads(left) and _reads(right)):
        return False
    gutter = min(item.box.left for item in right) - max(item.box.right for item in left)
    sizes = sorted(item.size for item in (*left, *right) if isinstance(item, Piece))
    top = min(max(item.box.top for item in left), max(item.box.top for item in right))
    bottom = max(min(item.box.bottom for item in left), min(item.box.bottom for item in right))
    return gutter >= _GUTTER * sizes[len(sizes) // 2] and top - bottom > _LINES * sizes[len(sizes) // 2]


def _reads(side: Sequence[Item]) -> bool:
    """Whether it is running text: enough lines, which are long enough."""
    rows: defaultdict[int, float] = defaultdict(float)
    for item in side:
        if isinstance(item, Piece):
            rows[round(item.base / 3)] += _words(item)
    return len(rows) >= _LINES and sum(rows.values()) >= _WORDS * len(rows)
