"""Epochs of streams never go back: where `streams.control` was lost, its first epochs would lose against the rows that
MySQL has, so the next epoch lies above the greatest of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog

from services.db_writer.mysql import MySqlStore
from shared.contracts.streams import StreamApplied
from shared.kafka.client import Connection
from shared.kafka.client.topic_watch import Look, TopicWatch
from shared.kafka.records import Partition
from shared.streams.applying import in_force, put_in_force
from shared.streams.declaration import Stream
from shared.streams.floor import floor
from shared.streams.tables import tables
from shared.topics import STREAMS_CONTROL

log = structlog.get_logger()

LOOK_SECONDS = 30.0


class EpochKeeper:
    """Of all declared streams. Not safe for concurrent use; two processes may each have one."""

    def __init__(self, connection: Connection, streams: Sequence[Stream], store: MySqlStore) -> None:
        self._connection = connection
        self._streams = streams
        self._store = store
        self._watch = TopicWatch(connection, [STREAMS_CONTROL.name])
        self._control: tuple[str | None, int] | None = None
        self._applied: Mapping[str, StreamApplied] = {}

    async def run(self) -> None:
        """Without end. Raises Transient."""
        try:
            while True:
                await self.keep()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._watch.stop()

    async def keep_once(self) -> None:
        """Raises Transient."""
        try:
            await self.keep()
        finally:
            await self._watch.stop()

    async def keep(self) -> None:
        """MySQL is asked first: rows are written only under an epoch that is in force, so that what is asked second
        can't have less unless it was lost. Raises Transient.

        A stream whose topic isn't known to be the one that the store knows is left alone: an epoch over another log
        would end rows that nothing can compute any more.
        """
        known = await self._store.greatest_epochs(list(tables(self._streams).values()))
        look = await self._watch.look()
        applied = await self._in_force(look)
        behind = [
            stream
            for stream in self._streams
            if is_behind(applied.get(stream.name), _greatest(stream, known)) and _is_known(stream, look)
        ]
        records = [await self._raised(stream, applied.get(stream.name), _greatest(stream, known)) for stream in behind]
        if records:
            await put_in_force(self._connection, records)
            for record in records:
                log.warning("the epoch begins above MySQL's", stream=record.stream, epoch=record.epoch)

    async def _in_force(self, look: Look) -> Mapping[str, StreamApplied]:
        """Read only when it has changed."""
        control = (look.topic_id(STREAMS_CONTROL.name), look.ends.get(Partition(STREAMS_CONTROL.name, 0), 0))
        if control != self._control:
            self._applied = await in_force(self._connection)
            self._control = control
        return self._applied

    async def _raised(self, stream: Stream, applied: StreamApplied | None, greatest: int) -> StreamApplied:
        return raised(stream, applied, greatest, await floor(self._connection, stream), datetime.now(UTC))


def is_behind(applied: StreamApplied | None, greatest: int) -> bool:
    """Whether MySQL knows a greater epoch than the one in force; without rows nothing is behind."""
    return greatest > (applied.epoch if applied else 0)


def raised(
    stream: Stream, applied: StreamApplied | None, greatest: int, lost_below: int | None, now: datetime
) -> StreamApplied:
    """The epoch after the greatest, under the declaration in force. `lost_below` is as `StreamApplied.floor`; one that
    is in force already counts where it is greater."""
    floors = [one for one in (lost_below, applied.floor if applied else None) if one is not None]
    return StreamApplied(
        stream=stream.name,
        epoch=greatest + 1,
        declaration=applied.declaration if applied else stream.canonical(),
        applied_at=now,
        floor=max(floors, default=None),
        reason=f"MySQL knows epoch {greatest}: `streams.control` was lost",
    )


def _is_known(stream: Stream, look: Look) -> bool:
    adopted = look.adopted.get(stream.topic_name)
    return adopted is not None and adopted.stored


def _greatest(stream: Stream, known: Mapping[str, int]) -> int:
    return max((known[window.table] for window in stream.windows), default=0)
