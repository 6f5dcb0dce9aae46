"""From rules to grids: where on a page the ruled tables are, and which of their cells are one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.docproc.parsing.pdf_boxes import Box
from services.docproc.parsing.pdf_rules import Rule, Rules

_NEAR = 3.0
"""Points within which two rules are one, or meet."""
_MOST_RULES = 10_000
_MOST_CROSSINGS = 40_000


@dataclass(slots=True)
class Grid:
    """`columns` and `rows` are the edges, from the left and the top; `cells` maps each place to its cell's first."""

    box: Box
    columns: list[float]
    rows: list[float]
    cells: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def cell(self, place: Box) -> tuple[int, int] | None:
        """Row and column of the cell that holds the middle of this place."""
        x, y = (place.left + place.right) / 2, (place.bottom + place.top) / 2
        if not (self.box.left <= x < self.box.right and self.box.bottom < y <= self.box.top):
            return None
        column = bisect_right(self.columns, x) - 1
        row = bisect_right(self.rows, -y, key=lambda edge: -edge) - 1
        return self.cells[min(row, len(self.rows) - 2), min(column, len(self.columns) - 2)]


def grids(drawn: Rules) -> list[Grid]:
    """Those of at least two rows and two columns."""
    if len(drawn.upright) < 1 or len(drawn.level) < 2 or len(drawn.upright) + len(drawn.level) > _MOST_RULES:
        return []
    level, upright = _joined(drawn.level), _joined(drawn.upright)
    if len(level) * len(upright) > _MOST_CROSSINGS:
        return []
    found = (_grid([level[i] for i in ours], [upright[i] for i in theirs]) for ours, theirs in _groups(level, upright))
    return [grid for grid in found if grid is not None]


def _joined(rules: Iterable[Rule]) -> list[Rule]:
    """Rules that lie on one line and touch, as one."""
    joined: list[Rule] = []
    for at, group in _lines(rules):
        start, end = group[0].start, group[0].end
        for rule in group[1:]:
            if rule.start > end + _NEAR:
                joined.append(Rule(at, start, end))
                start = rule.start
                end = rule.end
            end = max(end, rule.end)
        joined.append(Rule(at, start, end))
    return joined


def _lines(rules: Iterable[Rule]) -> Iterable[tuple[float, list[Rule]]]:
    group: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: rule.at):
        if group and rule.at - group[0].at > _NEAR:
            yield group[0].at, sorted(group, key=lambda rule: rule.start)
            group = []
        group.append(rule)
    if group:
        yield group[0].at, sorted(group, key=lambda rule: rule.start)


def _groups(level: Sequence[Rule], upright: Sequence[Rule]) -> list[tuple[list[int], list[int]]]:
    """Indexes of the rules that hang together."""
    leaders = list(range(len(level) + len(upright)))

    def leader(index: int) -> int:
        while leaders[index] != index:
            leaders[index] = leaders[leaders[index]]
            index = leaders[index]
        return index

    for i, line in enumerate(level):
        for j, post in enumerate(upright):
            if line.start - _NEAR <= post.at <= line.end + _NEAR and post.start - _NEAR <= line.at <= post.end + _NEAR:
                leaders[leader(len(level) + j)] = leader(i)
    groups: dict[int, tuple[list[int], list[int]]] = {}
    for index in range(len(leaders)):
        ours, theirs = groups.setdefault(leader(index), ([], []))
        if index < len(level):
            ours.append(index)
        else:
            theirs.append(index - len(level))
    return list(groups.values())


def _grid(level: Sequence[Rule], upright: Sequence[Rule]) -> Grid | None:
    if len(level) < 2 or not upright:
        return None
    columns = _edges([rule.at for rule in upright], [end for rule in level for end in (rule.start, rule.end)])
    rows = _edges([rule.at for rule in level], [end for rule in upright for end in (rule.start, rule.end)])[::-1]
    if len(columns) < 3 or len(rows) < 3:
        return None
    grid = Grid(Box(columns[0], rows[-1], columns[-1], rows[0]), columns, rows)
    _merge(grid, level, upright)
    return grid


def _edges(at: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Where the rules stand, and the outermost ends of those across them, where a table has no frame."""
    edges: list[float] = []
    for each in sorted([*at, min(ends), max(ends)]):
        if not edges or each - edges[-1] > _NEAR:
            edges.append(each)
    return edges


def _merge(grid: Grid, level: Sequence[Rule], upright: Sequence[Rule]) -> None:
    """Places that no rule parts are one cell."""
    above = [[rule for rule in level if abs(rule.at - edge) <= _NEAR] for edge in grid.rows]
    beside = [[rule for rule in upright if abs(rule.at - edge) <= _NEAR] for edge in grid.columns]
    for row in range(len(grid.rows) - 1):
        y = (grid.rows[row] + grid.rows[row + 1]) / 2
        for column in range(len(grid.columns) - 1):
            x = (grid.columns[column] + grid.columns[column + 1]) / 2
            if column and not _parted(beside[column], y):
                grid.cells[row, column] = grid.cells[row, column - 1]
            elif row and not _parted(above[row], x):
                grid.cells[row, column] = grid.cells[row - 1, column]
            else:
                grid.cells[row, column] = (row, column)


def _parted(rules: Sequence[Rule], across: float) -> bool:
    return any(rule.start <= across <= rule.end for rule in rules)
