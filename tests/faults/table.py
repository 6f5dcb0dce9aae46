"""`python -m tests.faults.table RESULTS.json`: the table of faults in docs/guarantees.md, from what a run has seen.

Ends with exit code 1, and says which, where a fault of the catalogue was not caused or an invariant did not hold.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from tests.faults.catalogue import all_cases
from tests.faults.links import Side
from tests.faults.results import Row, read

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
BEGIN, END = "<!-- faults: made by `make test-faults` -->", "<!-- end of faults -->"
SCHEDULES = "random schedule"
EFFECTS = ("store", "publish", "dead letter", "commit")


def main(results: Path) -> int:
    rows = read(results)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, behind = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text(rows)}{END}{behind}")
    wrong = [*missing(rows), *(f"did not hold: {row.part}: {row.fault}" for row in rows if not row.held)]
    print("\n".join([f"{len(rows)} faults caused, {sum(row.held for row in rows)} held", *wrong]))
    return bool(wrong)


def missing(rows: Iterable[Row]) -> list[str]:
    """The empty cells."""
    caused = {(row.kind, row.part, row.fault) for row in rows}
    return [f"not caused: {case.name}" for case in all_cases() if (case.kind, case.part, case.fault) not in caused]


def text(rows: Sequence[Row]) -> str:
    """As Markdown: the matrix of crash points, then every fault, then the schedules in one line."""
    crashes = [row for row in rows if row.kind == "crash point"]
    others = [row for row in rows if row.kind not in ("crash point", SCHEDULES)]
    schedules = [row for row in rows if row.kind == SCHEDULES]
    parts = [_matrix(crashes), *(_chapter(kind, list(of_kind)) for kind, of_kind in groupby(others, _kind))]
    held = sum(row.held for row in schedules)
    return "\n".join([*parts, f"Random schedules: {held} of {len(schedules)} held.\n"])


def _kind(row: Row) -> str:
    return row.kind


def _matrix(rows: Sequence[Row]) -> str:
    """What a hop's effect looks like before and after its acknowledgement; a dash where a hop has no such effect."""
    sides = list(Side)
    head = _line(["SIGKILL at", *(f"{effect}, {side}" for effect in EFFECTS for side in sides)])
    lines = [
        _line([hop, *(_verdict(rows, hop, effect, side) for effect in EFFECTS for side in sides)])
        for hop in sorted({row.part for row in rows})
    ]
    return "\n".join([head, _line(["---"] * (1 + len(EFFECTS) * len(sides))), *lines, ""])


def _verdict(rows: Sequence[Row], hop: str, effect: str, side: Side) -> str:
    fault = f"SIGKILL {side} the acknowledgement of: {effect}"
    found = next((row for row in rows if (row.part, row.fault) == (hop, fault)), None)
    return "–" if found is None else _held(found)


def _chapter(kind: str, rows: Sequence[Row]) -> str:
    head = [_line([kind, "fault", "expected", "seen"]), _line(["---"] * 4)]
    lines = [_line([row.part, row.fault, row.expected, f"{_held(row)}: {row.seen}"]) for row in rows]
    return "\n".join([*head, *lines, ""])


def _held(row: Row) -> str:
    return "held" if row.held else "**broken**"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
