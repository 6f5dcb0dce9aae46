"""How far a consumer group's records have been put into a store, as the store itself knows it.

A store that is put back to an older state, as from a backup, then says so: the group goes back with it, and everything
that it lacks is written again, which idempotent sinks make harmless. Two rules keep that true:

    a bookmark is only raised from what this member has seen in the store: one that was put back meanwhile isn't raised
    it is raised before the offset is committed: a store that knows less than the group has committed was put back
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from shared.errors import LogBroken, StorePutBack, Transient
from shared.kafka.continuity import ADVICE, Mark
from shared.kafka.records import Partition
from shared.runtime import metrics

log = structlog.get_logger()

SAVE_DEADLINE = 3.0


@dataclass(frozen=True, slots=True)
class Bookmark:
    """All records of a partition below `offset`, of the topic with this id, have had their effects in the store."""

    offset: int
    topic_id: str
    saved_at: datetime


Bookmarks = Mapping[Partition, Bookmark]


class Progress(Protocol):
    """A store's bookmarks of one consumer group."""

    async def load(self) -> Bookmarks | None:
        """None where the group has none but the store holds something, as before release 0.2: it doesn't tell. Empty
        where the store is empty, too. Raises Transient."""

    async def save(self, bookmarks: Bookmarks, instead_of: Bookmarks) -> bool:
        """Whether each was still what it is put `instead_of` (none: wasn't there); only those are written. Raises
        Transient."""


@dataclass(frozen=True, slots=True)
class Log:
    """A partition as the broker has it: its topic's id, the first offset kept, and when a person has last adopted the
    topic."""

    topic_id: str
    start: int
    adopted_at: datetime | None = None


class Follower:
    """One member of a group, and the bookmarks as it has last seen them."""

    def __init__(self, progress: Progress, service: str, group: str) -> None:
        self._progress = progress
        self._labels = (service, group)
        self._group = group
        self._seen: dict[Partition, Bookmark] = {}
        self._has_seen = False
        self._owed: dict[Partition, Bookmark] = {}
        self._put_back: StorePutBack | None = None
        self._lock = asyncio.Lock()

    async def begin(self, committed: Mapping[Partition, Mark], logs: Mapping[Partition, Log]) -> dict[Partition, int]:
        """Where to begin each partition that the group has committed: there, or where the store is. `committed` and
        `logs` are of all partitions of the group.

        Raises LogBroken where the records that the store lacks aren't kept any more, and Transient.
        """
        async with self._lock:
            stored = await self._progress.load()
            self._owed, self._put_back = {}, None
            if stored is None and self._has_seen:  # an older state than the first bookmark: it tells nothing, any more
                stored = {}
            if stored is None:
                await self._begin_to_tell(committed, logs)
                return {partition: mark.offset for partition, mark in committed.items()}
            begins = {p: self._begin(p, mark.offset, stored.get(p), logs[p]) for p, mark in committed.items()}
            self._remember(stored)
            return begins

    async def _begin_to_tell(self, committed: Mapping[Partition, Mark], logs: Mapping[Partition, Log]) -> None:
        """From now on a partition without a bookmark is one of which nothing was written."""
        now = datetime.now(UTC)
        first = {p: Bookmark(mark.offset, logs[p].topic_id, now) for p, mark in committed.items()}
        if first:
            await self._progress.save(first, {})
        self._remember(await self._progress.load() or {})

    def _remember(self, stored: Bookmarks) -> None:
        self._seen, self._has_seen = dict(stored), self._has_seen or bool(stored)

    def _begin(self, partition: Partition, committed: int, bookmark: Bookmark | None, now: Log) -> int:
        if bookmark is None:
            return min(committed, now.start)
        if bookmark.topic_id != now.topic_id:
            return committed
        if bookmark.offset < min(now.start, committed) and not _adopted_since(bookmark, now):
            place = f"{partition.topic}-{partition.number}"
            lost = f"{now.start - bookmark.offset} records that it lacks are not kept any more"
            raise LogBroken(
                f"{place} begins at {now.start}, but the store of `{self._group}` was put back to {bookmark.offset}: "
                f"{lost}: {ADVICE}"
            )
        return min(committed, max(bookmark.offset, now.start))

    def tell(self, committed: Mapping[Partition, Mark], begins: Mapping[Partition, int]) -> None:
        """How much is read again since the store lacks it; nothing where it lacks nothing."""
        for partition, begin in begins.items():
            if records := committed[partition].offset - begin:
                metrics.REWOUND.labels(*self._labels).inc(records)
                log.warning(
                    "the store was put back: what it lacks is read again",
                    partition=f"{partition.topic}-{partition.number}",
                    begin=begin,
                    committed=committed[partition].offset,
                    records=records,
                )

    async def save(self, offsets: Mapping[Partition, int], topic_ids: Mapping[str, str]) -> None:
        """Raises StorePutBack where the store has less than this member has seen. Where it is away that is harmless:
        it is told later."""
        now = datetime.now(UTC)
        self._owed |= {p: Bookmark(offset, topic_ids[p.topic], now) for p, offset in offsets.items()}
        try:
            async with asyncio.timeout(SAVE_DEADLINE), self._lock:
                await self._pay()
        except TimeoutError:
            log.warning("the store was not told how far it is", error=f"no answer within {SAVE_DEADLINE:g} s")
        except StorePutBack:
            raise
        except Transient as error:
            log.warning("the store was not told how far it is", error=str(error))

    async def _pay(self) -> None:
        """Where the store has other bookmarks than were seen, since an answer was lost or another member has written
        some, they are looked at, and it is told once more."""
        if self._put_back is not None:
            raise self._put_back
        for _ in range(2):
            owed = {partition: mark for partition, mark in self._owed.items() if self._is_further(partition, mark)}
            before = {partition: self._seen[partition] for partition in owed if partition in self._seen}
            if not owed or await self._progress.save(owed, before):
                self._remember(self._seen | owed)
                self._owed.clear()
                return
            await self._look(owed)

    def _is_further(self, partition: Partition, mark: Bookmark) -> bool:
        seen = self._seen.get(partition)
        return seen is None or seen.topic_id != mark.topic_id or seen.offset < mark.offset

    async def check(self, partitions: Iterable[Partition]) -> None:
        """Raises StorePutBack where the store has less of these than this member has seen. A store that is away says
        nothing."""
        try:
            async with self._lock:
                await self._look(partitions)
                await self._pay()
        except StorePutBack:
            raise
        except Transient as error:
            log.info("the store doesn't say how far it is", error=str(error))

    async def _look(self, partitions: Iterable[Partition]) -> None:
        """Once a store was put back nothing is told any more before the partitions were begun anew."""
        if self._put_back is None:
            stored = await self._progress.load() or {}
            for partition in partitions:
                if (seen := self._seen.get(partition)) and _is_less(stored.get(partition), seen):
                    place = f"{partition.topic}-{partition.number}"
                    told = f"the store has {place} less far than `{self._group}` had put it: it was put back"
                    self._put_back = StorePutBack(told)
            self._remember(stored)
        if self._put_back is not None:
            raise self._put_back


def _is_less(stored: Bookmark | None, seen: Bookmark) -> bool:
    return stored is None or (stored.topic_id == seen.topic_id and stored.offset < seen.offset)


def _adopted_since(bookmark: Bookmark, now: Log) -> bool:
    return now.adopted_at is not None and now.adopted_at > bookmark.saved_at
