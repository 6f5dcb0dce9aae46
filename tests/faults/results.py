"""What a run saw, as JSON: `CAUCE_FAULT_RESULTS` names the file. A row is there only if its fault was caused."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "CAUCE_FAULT_RESULTS"


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """`kind` is the chapter of the table; `held` whether every invariant did."""

    kind: str
    part: str
    fault: str
    expected: str
    seen: str
    held: bool


def record(row: Row) -> None:
    """Adds the row, or replaces the one of the same fault; without the variable nothing is kept."""
    if name := os.environ.get(VARIABLE):
        path = Path(name)
        rows = {(known.kind, known.part, known.fault): known for known in read(path)}
        rows[row.kind, row.part, row.fault] = row
        path.write_text(json.dumps([asdict(known) for known in sorted(rows.values())], indent=1) + "\n")


def read(path: Path) -> list[Row]:
    """None where there was no run."""
    return [Row(**row) for row in json.loads(path.read_text())] if path.exists() else []
