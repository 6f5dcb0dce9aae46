"""Finds the columns of running text on a PDF's page by the gutters between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from services.docproc.parsing.pdf_lines import Piece
from services.docproc.parsing.pdf_tables import Table

Item = Piece | Table

_MOST_ITEMS = 3_000
_DEPTH = 4
_LINES = 3
"""A column has at least so many lines."""
_LETTERS = 14
"""A column's lines have on average at least so many characters: those of a table have fewer."""
_GUTTER = 0.5
"""In heights of a line."""
_RIGHT_TO_LEFT = range(0x590, 0x8FF)


def columns(items: Sequence[Item]) -> list[list[Item]]:
    """The items by column, as one reads: what stands above columns first, then each of them, then what follows."""
    if not 2 * _LINES <= len(items) <= _MOST_ITEMS:
        return [list(items)]
    leftwards = _leftwards(items)
    return [list(part) for part in _parts(items, leftwards, 0)]


def _leftwards(items: Sequence[Item]) -> bool:
    letters = [ord(letter) for item in items if isinstance(item, Piece) for letter in item.text[:8] if letter.isalpha()]
    return sum(code in _RIGHT_TO_LEFT for code in letters) * 2 > len(letters)


def _parts(items: Sequence[Item], leftwards: bool, depth: int) -> Iterator[Sequence[Item]]:
    cut = _best_cut(items) if depth < _DEPTH else None
    if cut is None:
        yield items
        return
    for band in _bands(sorted(items, key=_height), cut):
        left, right = _sides(band, cut)
        if len(left) + len(right) < len(band) or not _are_columns(left, right):
            yield from _parts(band, leftwards, depth + 1) if len(band) < len(items) else (band,)
        else:
            for side in (right, left) if leftwards else (left, right):
                yield from _parts(side, leftwards, depth + 1)


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
    least = _LINES * _LETTERS
    for start, count in starts.items():
        around = (starts[start - 1], starts[start + 1])
        if count + sum(around) >= _LINES and count >= max(around):
            cut = start * 2 - 1.5
            if all(sum(map(_letters, side)) >= least for side in _sides(items, cut)):
                yield cut


def _letters(item: Item) -> int:
    return len(item.text) if isinstance(item, Piece) else _LETTERS


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
    rows = Counter[int]()
    for item in side:
        if isinstance(item, Piece):
            rows[round(item.base / 3)] += len(item.text)
    return len(rows) >= _LINES and sum(rows.values()) >= _LETTERS * len(rows)
