"""Ruled tables of a PDF's page: which characters stand in which cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.docproc.parsing.pdf_grids import Grid
from services.docproc.parsing.pdf_lines import Box, PageText, Piece, split

_LARGEST_CELL = 2_000
"""Characters: a frame with more in it arranges a page and is no table."""


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
        rows = list(_rows(filled))
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
    width = len(filled.grid.columns) - 1
    used = sorted({column for _, column in filled.entries})
    for row in range(len(filled.grid.rows) - 1):
        cells = {column: filled.entries.get((row, column), []) for column in range(width)}
        for line in _lines(cells):
            yield [_joined(line[column]) for column in used]


def _lines(cells: dict[int, list[_Entry]]) -> Iterator[dict[int, list[_Entry]]]:
    """One row, or as many as stand in it where a table has no rules between its rows: each on a base line of its own."""
    bases = sorted({round(entry.base) for entries in cells.values() for entry in entries}, reverse=True)
    filled = [entries for entries in cells.values() if entries]
    even = all(len({round(entry.base) for entry in entries}) * 5 >= len(bases) * 4 for entries in filled)
    if len(filled) < 2 or len(bases) < 3 or not even:
        yield cells
        return
    for base in bases:
        yield {column: [entry for entry in entries if round(entry.base) == base] for column, entries in cells.items()}


def _joined(entries: Sequence[_Entry]) -> str:
    parts: list[str] = []
    for entry in sorted(entries, key=lambda entry: -round(entry.base)):
        parts += (entry.text, "\x02" if entry.broken else " ")
    return "".join(parts).strip(" ").removesuffix("\x02")


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
