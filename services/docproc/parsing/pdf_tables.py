"""Ruled tables of a PDF's page: which characters stand in which cell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from services.docproc.parsing.pdf_boxes import Box
from services.docproc.parsing.pdf_grids import Grid
from services.docproc.parsing.pdf_lines import PageText, Piece, split

DIVISION = "\x02"
"""Stands where a hyphen divided a word at a line's end."""
DIVIDED = re.compile(r"[^\W\d_]-$")
_LARGEST_CELL = 2_000
"""Characters: a frame with more in it arranges a page and is no table."""
_UNRULED = 3
_SHORT = 30
_LEVEL = 2.0
"""Points within which base lines are one."""


@dataclass(slots=True)
class Table:
    box: Box
    rows: list[list[str]]


@dataclass(slots=True)
class _Entry:
    """What a line shows in a cell."""

    text: str
    base: float
    broken: bool


@dataclass(slots=True)
class _Filled:
    grid: Grid
    entries: defaultdict[tuple[int, int], list[_Entry]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[int, list[Piece]] = field(default_factory=dict)
    """What the lines of the table show outside of it."""


def with_tables(text: PageText, pieces: list[Piece], grids: Sequence[Grid]) -> list[Piece | Table]:
    """The pieces, with each table in place of what stands in it."""
    mixed: list[Piece | Table] = list(pieces)
    for grid in grids:
        filled = _fill(text, [piece for piece in mixed if isinstance(piece, Piece)], grid)
        rows = list(_rows(filled)) if filled.entries else []
        if _is_table(filled, rows):
            mixed = list(_placed(mixed, filled, Table(grid.box, rows)))
    return mixed


def _fill(text: PageText, pieces: Sequence[Piece], grid: Grid) -> _Filled:
    filled = _Filled(grid)
    touched: dict[int, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.upright and _touch(piece.box, grid.box):
            touched[piece.number].append(piece)
    for number, whole in touched.items():
        _fill_line(filled, text.characters(number) or [(piece.text, piece.box) for piece in whole], whole[-1])
    return filled


def _touch(one: Box, other: Box) -> bool:
    middle = (one.bottom + one.top) / 2
    return other.bottom < middle < other.top and one.left < other.right and other.left < one.right


def _fill_line(filled: _Filled, characters: Sequence[tuple[str, Box]], line: Piece) -> None:
    outside: list[tuple[str, Box]] = []
    inside: dict[tuple[int, int], list[str]] = {}
    target: list[str] | None = None
    for letter, place in characters:
        if letter.isspace():
            if target is None:
                outside.append((letter, place))
            else:
                target.append(" ")
            continue
        cell = filled.grid.cell(place)
        target = None if cell is None else inside.setdefault(cell, [])
        if target is None:
            outside.append((letter, place))
        else:
            target.append(letter)
    if not inside:
        return
    last = list(inside)[-1]
    for cell, letters in inside.items():
        broken = line.broken and cell == last and target is not None
        filled.entries[cell].append(_Entry("".join(letters).strip(), line.base, broken))
    broken = line.broken and target is None
    filled.lines[line.number] = list(split(outside, line.size, line.base, line.number, broken))


def _is_table(filled: _Filled, rows: Sequence[Sequence[str]]) -> bool:
    """Not a frame around text, nor a plot: at least two rows have two cells with text in them, none of them a page."""
    several = sum(sum(bool(cell) for cell in row) > 1 for row in rows)
    used = sum(bool(cell) for row in rows for cell in row)
    distinct = len(set(filled.grid.cells.values()))
    longest = max((len(cell) for row in rows for cell in row), default=0)
    return several > 1 and used * 4 >= distinct and longest <= _LARGEST_CELL


def _rows(filled: _Filled) -> Iterator[list[str]]:
    used = sorted({column for _, column in filled.entries})
    total = len(_bases(entry for entries in filled.entries.values() for entry in entries))
    for row in range(len(filled.grid.rows) - 1):
        cells = [filled.entries.get((row, column), []) for column in used]
        tops = [float("inf"), *_tops(cells, total), float("-inf")]
        for top, bottom in pairwise(tops):
            yield [_joined([entry for entry in cell if bottom < entry.base <= top]) for cell in cells]


def _tops(cells: Sequence[Sequence[_Entry]], total: int) -> list[float]:
    """Above which heights a row ends: some tables have no rules between rows, but each begins in the first column."""
    first, others = _bases(cells[0]), _bases(entry for cell in cells[1:] for entry in cell)
    here = len(_bases(entry for cell in cells for entry in cell))
    if len(first) < _UNRULED or here * 2 <= total or len(cells) < 2:
        return []
    even = sum(any(abs(base - other) <= _LEVEL for other in others) for base in first) * 3 >= len(first) * 2
    short = sum(len(entry.text) for entry in cells[0]) <= _SHORT * len(first)
    return [base + _LEVEL for base in first[1:]] if even and short else []


def _bases(entries: Iterable[_Entry]) -> list[float]:
    """The base lines from the top, each once."""
    bases: list[float] = []
    for base in sorted((entry.base for entry in entries), reverse=True):
        if not bases or bases[-1] - base > _LEVEL:
            bases.append(base)
    return bases


def _joined(entries: Sequence[_Entry]) -> str:
    text, divided = "", False
    for entry in sorted(entries, key=lambda entry: -round(entry.base / _LEVEL)):
        if text and not divided and DIVIDED.search(text) and entry.text[:1].islower():
            text, divided = text[:-1], True
        text += (DIVISION if divided else " ") + entry.text
        divided = entry.broken
    return text.strip()


def _placed(mixed: Sequence[Piece | Table], filled: _Filled, table: Table) -> Iterator[Piece | Table]:
    """The table where its first line was; what its lines show outside of it behind it."""
    done: set[int] = set()
    for item in mixed:
        if isinstance(item, Table) or item.number not in filled.lines:
            yield item
        elif item.number not in done:
            if not done:
                yield table
            done.add(item.number)
            yield from filled.lines[item.number]
