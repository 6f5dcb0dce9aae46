"""Window rows as they are computed, for those who watch, and how long they took."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from shared.contracts.metrics import Cell

WAITING_ROWS = 10_000
LATENCY_SAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class RowUpdate:
    """`key` names the row across its updates; `row` has the columns as they are on the topic."""

    table: str
    key: bytes
    row: Mapping[str, Cell]


class RowWatch:
    """One reader's rows that changed. A reader who is too slow gets the newest of each; of more rows than are kept
    those are forgotten that waited longest."""

    def __init__(self, tables: frozenset[str]) -> None:
        self.tables = tables
        self._rows: OrderedDict[bytes, RowUpdate] = OrderedDict()
        self._stirred = asyncio.Event()
        self._closed = False

    def add(self, update: RowUpdate) -> None:
        self._rows[update.key] = update
        if len(self._rows) > WAITING_ROWS:
            self._rows.popitem(last=False)
        self._stirred.set()

    def close(self) -> None:
        self._closed = True
        self._stirred.set()

    async def updates(self) -> AsyncIterator[RowUpdate]:
        """As they come, until the watch is closed."""
        while not self._closed:
            while self._rows and not self._closed:
                yield self._rows.popitem(last=False)[1]
            self._stirred.clear()
            if not self._rows and not self._closed:
                await self._stirred.wait()


class LiveView:
    """Whoever watches gets what comes from then on; nothing is kept for those who don't."""

    def __init__(self) -> None:
        self._watches: set[RowWatch] = set()
        self._closed = False
        self._latencies: dict[str, deque[int]] = {}
        self.last_update: int | None = None

    @contextlib.contextmanager
    def watch(self, tables: frozenset[str]) -> Iterator[RowWatch]:
        watch = RowWatch(tables)
        if self._closed:
            watch.close()
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def watched(self, table: str) -> bool:
        return any(table in watch.tables for watch in self._watches)

    def add(self, update: RowUpdate) -> None:
        for watch in self._watches:
            if update.table in watch.tables:
                watch.add(update)

    def note_time(self, timestamp: int) -> None:
        """Of a row's record, in milliseconds since 1970."""
        self.last_update = max(self.last_update or 0, timestamp)

    def note_latency(self, table: str, milliseconds: int) -> None:
        self._latencies.setdefault(table, deque(maxlen=LATENCY_SAMPLES)).append(milliseconds)

    def latencies(self, tables: frozenset[str]) -> list[int]:
        """In milliseconds, of the last rows of these tables, sorted."""
        return sorted(sample for table in tables for sample in self._latencies.get(table, ()))

    def close(self) -> None:
        """Ends every watch, so that streams don't hold up the end of the process."""
        self._closed = True
        for watch in self._watches:
            watch.close()
