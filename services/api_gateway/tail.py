"""Reads a topic from some minutes ago to its end and on; one per process and topic, however many ask."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import structlog

from shared.errors import Transient
from shared.kafka.records import Partition, Record

log = structlog.get_logger()

STALLED_AFTER = 15.0
CHECK_SECONDS = 3.0
"""How often the topic is looked at: one that was made anew, or cut, is read again from some minutes ago."""


class TailSource(Protocol):
    """What the tail asks of Kafka, as `shared.kafka.client.KafkaTail` does it. May be started again after a stop."""

    async def start(self, since: float) -> None: ...

    def records(self) -> AsyncIterator[list[Record]]: ...

    async def end_offsets(self) -> dict[Partition, int]: ...

    async def positions(self) -> dict[Partition, int]: ...

    async def check(self) -> None: ...

    async def stop(self) -> None: ...


class Tail(ABC):
    """`run` is a job; everything else may be asked at any time, also while the broker is away."""

    def __init__(self, source: TailSource, topic: str, minutes: float) -> None:
        self._source = source
        self._topic = topic
        self._window = minutes * 60
        self._seen_until = time.time()
        self._positions: dict[Partition, int] | None = None
        self._moved = asyncio.Condition()
        self._moved_at = self._checked_at = 0.0

    @abstractmethod
    def take(self, records: Sequence[Record]) -> None:
        """Those of one batch, in order per partition. A record may come again after an outage."""

    async def run(self) -> None:
        """Without end. Raises Transient where the broker is away or the reading has stopped: to be run again."""
        self._moved_at = self._checked_at = time.monotonic()
        try:
            await self._source.start(min(time.time(), self._seen_until) - self._window)
            async for batch in self._source.records():
                self._take(batch)
                await self._note_positions(await self._source.positions())
                await self._check_progress()
                await self._check_topic()
        finally:
            self._positions = None
            await self._source.stop()

    def _take(self, batch: Sequence[Record]) -> None:
        if batch:
            self.take(batch)
            self._seen_until = max(self._seen_until, batch[-1].timestamp / 1000)

    async def _note_positions(self, positions: dict[Partition, int]) -> None:
        if positions != self._positions:
            self._moved_at = time.monotonic()
            async with self._moved:
                self._positions = positions
                self._moved.notify_all()

    async def _check_progress(self) -> None:
        """A consumer can go silent after a broker's restart without an error: only the end offsets show it."""
        if time.monotonic() - self._moved_at < STALLED_AFTER:
            return
        if not _reached(self._positions, await self._ends(STALLED_AFTER)):
            raise Transient(f"kafka: nothing came from `{self._topic}` for {STALLED_AFTER:g} s, yet there is more")
        self._moved_at = time.monotonic()

    async def _check_topic(self) -> None:
        """The source would wait for ever at the end of a log that is not there any more."""
        if time.monotonic() - self._checked_at < CHECK_SECONDS:
            return
        try:
            async with asyncio.timeout(STALLED_AFTER):
                await self._source.check()
        except TimeoutError:
            raise Transient(f"kafka: no answer about `{self._topic}` within {STALLED_AFTER:g} s") from None
        self._checked_at = time.monotonic()

    async def _ends(self, deadline: float) -> dict[Partition, int]:
        if self._positions is None:
            raise Transient(f"kafka: `{self._topic}` is not being read")
        try:
            async with asyncio.timeout(deadline):
                return await self._source.end_offsets()
        except TimeoutError:
            raise Transient(f"kafka: no end offsets within {deadline:g} s") from None

    async def caught_up(self, deadline: float) -> bool:
        """Whether, within `deadline` seconds, everything that was in the topic when asked has been taken."""
        try:
            async with asyncio.timeout(deadline):
                ends = await self._ends(deadline)
                async with self._moved:
                    await self._moved.wait_for(lambda: _reached(self._positions, ends))
        except (Transient, TimeoutError) as error:
            log.info("a tail is behind", topic=self._topic, error=str(error) or f"not caught up within {deadline:g} s")
            return False
        return True

    async def probe(self) -> None:
        """Raises Transient unless the broker answers and the topic is being read."""
        await self._ends(STALLED_AFTER)


def _reached(positions: Mapping[Partition, int] | None, ends: Mapping[Partition, int]) -> bool:
    return positions is not None and all(positions.get(partition, 0) >= end for partition, end in ends.items())
