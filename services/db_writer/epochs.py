"""Epochs of window tables: after a reset, what was computed before it must neither stay nor come back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.db_writer.rows import Row


class Cut(NamedTuple):
    """Ends all epochs of `table` below `epoch`, for windows that begin at `since` (UTC) or later; None is all."""

    table: str
    epoch: int
    since: datetime | None

    def ends(self, row: Row) -> bool:
        """Whether the row, which is of the same table, belongs to the past."""
        return row.epoch < self.epoch and (self.since is None or row.window_start >= self.since)


def living(rows: Sequence[Row], cuts: Iterable[Cut]) -> list[Row]:
    """The rows that no cut ends, in their order."""
    of_table: defaultdict[str, list[Cut]] = defaultdict(list)
    for cut in cuts:
        of_table[cut.table].append(cut)
    return [row for row in rows if not any(cut.ends(row) for cut in of_table[row.table.name])]
