"""The order in which a page is read: that of the file, unless its lines jump about."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from services.docproc.parsing.pdf_columns import Item, columns
from services.docproc.parsing.pdf_lines import Piece

_SHARE = 10
"""Lines are sorted by height where more than one in so many stands above the one before it in the file."""


def in_order(items: Sequence[Item]) -> list[list[Item]]:
    """The page's items, column by column; what is turned against the page comes last if anything has to move."""
    plain = [item for item in items if not isinstance(item, Piece) or item.upright]
    at = {id(item): index for index, item in enumerate(plain)}
    parts = [sorted(part, key=lambda item: at[id(item)]) for part in columns(plain)]
    if _returns(plain, parts) < 1:
        parts.sort(key=lambda part: at[id(part[0])] if part else 0)
    ordered = [_sorted(part) for part in parts]
    turned = [item for item in items if isinstance(item, Piece) and not item.upright]
    return [*ordered, turned] if turned else ordered


def _returns(items: Sequence[Item], parts: Sequence[Sequence[Item]]) -> int:
    """How often the file comes back to a part that it had left."""
    part = {id(item): number for number, each in enumerate(parts) for item in each}
    steps = sum(part[id(one)] != part[id(other)] for one, other in pairwise(items))
    return steps - (len(parts) - 1)


def _sorted(part: Sequence[Item]) -> list[Item]:
    """From the top where the file isn't; stretches that the file has in order stay whole if they don't overlap."""
    runs = _runs(part)
    if len(runs) == 1:
        return list(part)
    runs.sort(key=lambda run: -max(item.box.top for item in run))
    if all(_below(lower, upper) for upper, lower in pairwise(runs)):
        return [item for run in runs for item in run]
    if len(runs) - 1 <= max(2, len(part) // _SHARE):
        return list(part)
    return [item for row in _rows(part) for item in row]


def _runs(part: Sequence[Item]) -> list[list[Item]]:
    runs = [[part[0]]] if part else []
    for one, other in pairwise(part):
        if _above(other, one):
            runs.append([other])
        else:
            runs[-1].append(other)
    return runs


def _above(item: Item, other: Item) -> bool:
    return item.box.bottom >= other.box.top - 1 and not item.box.beside(other.box)


def _below(lower: Sequence[Item], upper: Sequence[Item]) -> bool:
    return max(item.box.top for item in lower) <= min(item.box.bottom for item in upper) + 2


def _rows(part: Sequence[Item]) -> list[list[Item]]:
    """Lines by height; what stands on one line from the left."""
    rows: list[list[Item]] = []
    for item in sorted(part, key=lambda item: -_base(item)):
        if rows and isinstance(item, Piece) and _base(rows[-1][0]) - _base(item) < 0.4 * item.size:
            rows[-1].append(item)
        else:
            rows.append([item])
    return [sorted(row, key=lambda item: item.box.left) for row in rows]


def _base(item: Item) -> float:
    return item.base if isinstance(item, Piece) else item.box.top
