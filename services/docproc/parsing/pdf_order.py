"""The order in which a page is read: that of the file, unless its lines jump about."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from services.docproc.parsing.pdf_columns import Item, columns, leftwards
from services.docproc.parsing.pdf_lines import Piece

_RETURNS = 3
"""A file that comes back to a column so often doesn't have it in order."""
_SHARE = 10
"""Nor does one of which more than one line in so many stands above the one before it."""


def in_order(items: Sequence[Item]) -> list[Item]:
    """The page's items as they are read."""
    parts = columns([item for item in items if _upright(item)])
    if _returns(items, parts) < _RETURNS:
        parts = [list(items)] if _stretches(items) is not None else _as_met(items, parts)
    else:
        parts = [*_as_in(items, parts), [item for item in items if not _upright(item)]]
    return [item for part in parts for item in _sorted(part)]


def _upright(item: Item) -> bool:
    return not isinstance(item, Piece) or item.upright


def _returns(items: Sequence[Item], parts: Sequence[Sequence[Item]]) -> int:
    """How often the file comes back to a part that it had left."""
    part = {id(item): number for number, each in enumerate(parts) for item in each}
    way = [part[id(item)] for item in items if id(item) in part]
    return sum(one != other for one, other in pairwise(way)) - (len(parts) - 1)


def _as_in(items: Sequence[Item], parts: Sequence[Sequence[Item]]) -> list[list[Item]]:
    """The parts, each in the order of the file."""
    at = {id(item): index for index, item in enumerate(items)}
    return [sorted(part, key=lambda item: at[id(item)]) for part in parts]


def _as_met(items: Sequence[Item], parts: Sequence[Sequence[Item]]) -> list[list[Item]]:
    """The parts in the order of the file, and what is in none of them."""
    at = {id(item): index for index, item in enumerate(items)}
    turned = [item for item in items if not _upright(item)]
    return sorted(filter(None, [*_as_in(items, parts), turned]), key=lambda part: at[id(part[0])])


def _sorted(part: Sequence[Item]) -> list[Item]:
    """From the top where the file isn't."""
    stretches = _stretches(part)
    if stretches is None:
        return [item for row in _rows(part) for item in row]
    return [item for stretch in stretches for item in stretch]


def _stretches(part: Sequence[Item]) -> list[list[Item]] | None:
    """What the file has in order stays together; None where it has the lines in no order."""
    runs = _runs(part)
    if len(runs) < 2:
        return runs
    fallen = sorted(runs, key=lambda run: -max(item.box.top for item in run))
    if all(_below(lower, upper) for upper, lower in pairwise(fallen)):
        return fallen
    return runs if len(runs) - 1 <= max(2, len(part) // _SHARE) else None


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
    """Lines by height; what stands on one line in the direction of the script."""
    rows: list[list[Item]] = []
    for item in sorted(part, key=lambda item: -_base(item)):
        if rows and isinstance(item, Piece) and _base(rows[-1][0]) - _base(item) < 0.4 * item.size:
            rows[-1].append(item)
        else:
            rows.append([item])
    if leftwards(part):
        return [sorted(row, key=lambda item: -item.box.right) for row in rows]
    return [sorted(row, key=lambda item: item.box.left) for row in rows]


def _base(item: Item) -> float:
    return item.base if isinstance(item, Piece) else item.box.top
