"""Window rows in memory: what every store of them does, in the fewest words (test_window_store.py holds it to that)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.api_gateway.window_store import Row, RowsWanted, TopWanted, Value
from shared.errors import Transient
from shared.tables import WindowTable


class MemoryWindows:
    """Implements `window_store.WindowStore`; `tables` has the rows by the table's name."""

    def __init__(self) -> None:
        self.tables: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.away = False

    async def ping(self) -> None:
        if self.away:
            raise Transient("mysql is away")

    async def rows(self, wanted: RowsWanted) -> Sequence[Row]:
        await self.ping()
        key = [column.name for column in wanted.table.key]
        found = [
            row
            for row in self.tables[wanted.table.name]
            if (wanted.since is None or row["window_start"] >= wanted.since)
            and (wanted.until is None or row["window_start"] < wanted.until)
            and (wanted.after is None or tuple(row[name] for name in key) < tuple(wanted.after))
            and _has(row, wanted.where)
        ]
        return sorted(found, key=lambda row: tuple(row[name] for name in key), reverse=True)[: wanted.limit]

    async def top(self, wanted: TopWanted) -> Sequence[Row]:
        await self.ping()
        top = wanted.top
        found = [row for row in self.tables[wanted.table.name] if row["window_start"] == wanted.start]
        found.sort(key=lambda row: (*(row[n] for n in top.within), -row[top.by], *(row[n] for n in top.then)))
        ranks: defaultdict[tuple[Any, ...], int] = defaultdict(int)
        ranked = []
        for row in found:
            group = tuple(row[name] for name in top.within)
            ranks[group] += 1
            ranked.append({**row, top.rank: ranks[group]})
        return [row for row in ranked if row[top.rank] <= wanted.n and _has(row, wanted.where)]

    async def latest(self, table: WindowTable) -> datetime | None:
        await self.ping()
        return max((row["window_start"] for row in self.tables[table.name]), default=None)


def _has(row: Mapping[str, Any], where: Mapping[str, Value]) -> bool:
    return where.items() <= row.items()
