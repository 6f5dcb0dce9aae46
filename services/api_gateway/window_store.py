"""What the gateway asks of the store of window rows; `mysql.py` is the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.tables import TopView, WindowTable

Value = str | int | float | datetime | None
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """Rows of a table whose window starts at `since` or later and before `until`, with these values in columns of the
    key; after `after`, the values of the key of a page's last row."""

    table: WindowTable
    since: datetime | None = None
    until: datetime | None = None
    where: Mapping[str, Value] = field(default_factory=dict)
    after: Sequence[Value] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class TopWanted:
    """The first `n` rows of the window that starts at `start`; `where` narrows them afterwards."""

    table: WindowTable
    top: TopView
    start: datetime
    n: int
    where: Mapping[str, Value] = field(default_factory=dict)


class WindowStore(Protocol):
    """Reads only; times are in UTC. Every method raises Transient where the store does not answer within seconds."""

    async def ping(self) -> None:
        """Returns when the store answers."""

    async def rows(self, wanted: RowsWanted) -> Sequence[Row]:
        """The newest window first; within it the greatest key."""

    async def top(self, wanted: TopWanted) -> Sequence[Row]:
        """With the column of the rank, in the order of `within` and the rank."""

    async def latest(self, table: WindowTable) -> datetime | None:
        """The start of the newest window that has a row."""
