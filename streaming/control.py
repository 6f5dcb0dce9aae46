"""Follows `streams.control`: under which epoch each stream is to be computed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from shared.contracts.streams import StreamApplied
from shared.errors import Fatal, Transient
from shared.kafka.client import Connection, KafkaTail
from shared.streams.control import fold
from shared.streams.declaration import Stream
from shared.topics import STREAMS_CONTROL

log = structlog.get_logger()


class Control:
    """`watch` is a job; `in_force` may be asked at any time."""

    def __init__(self, streams: Sequence[Stream], connection: Connection, on_reset: Callable[[str], None]) -> None:
        """`on_reset` is called with the name of a stream whose epoch has changed."""
        self._streams = {stream.name: stream for stream in streams}
        self._tail = KafkaTail(connection, STREAMS_CONTROL.name)
        self._on_reset = on_reset
        self._applied: dict[str, StreamApplied] = {}
        self._read = asyncio.Event()

    async def in_force(self, stream: str) -> StreamApplied:
        """Waits until the topic was read. Raises Transient where the stream was never applied."""
        await self._read.wait()
        if stream not in self._applied:
            raise Transient(f"{stream}: the declaration is not in force yet: run `cauce topics apply`")
        return self._applied[stream]

    async def watch(self) -> None:
        """Without end. Raises Transient, or Fatal where a declaration here is not the one in force: whoever starts
        this process anew may have the right file by then."""
        try:
            await self._tail.start(0)
            async for batch in self._tail.records():
                before, self._applied = self._applied, fold(batch, self._applied)
                await self._note_whether_all_was_read()
                self._compare(before)
        finally:
            await self._tail.stop()

    async def _note_whether_all_was_read(self) -> None:
        if not self._read.is_set():
            ends, positions = await self._tail.end_offsets(), await self._tail.positions()
            if all(positions.get(partition, 0) >= end for partition, end in ends.items()):
                self._read.set()

    def _compare(self, before: dict[str, StreamApplied]) -> None:
        """Only once all was read: older records say what was in force then."""
        if not self._read.is_set():
            return
        for name, applied in self._applied.items():
            stream = self._streams.get(name)
            if stream is not None and applied.declaration != stream.canonical():
                raise Fatal(
                    f"{name}: the declaration in force is not the one in this process's folder of streams: "
                    "give it the same file, or run `cauce topics apply` with this one"
                )
            if name in before and before[name].epoch != applied.epoch:
                log.info("a new epoch", stream=name, epoch=applied.epoch, reason=applied.reason)
                self._on_reset(name)
