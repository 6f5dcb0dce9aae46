"""Questions to the cluster for which it isn't worth keeping a client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

from shared.errors import Transient
from shared.kafka.client import Connection, offset_ranges, offsets_at, read_from
from shared.kafka.records import Partition, Record

Take = Callable[[Sequence[Record]], bool]
"""What is done with records as they are read; False where it was enough."""


class Questions(Protocol):
    """Every method raises Transient where the broker doesn't answer in time."""

    async def ranges(self, topics: Sequence[str]) -> Mapping[Partition, range]:
        """The offsets that every partition holds."""

    async def offsets_at(self, topic: str, times: Sequence[int]) -> Sequence[Mapping[Partition, int]]:
        """For each time, in milliseconds since 1970: the offsets of the first records that are not older."""

    async def read(self, ranges: Mapping[Partition, range], take: Take) -> None:
        """Hands these records over, some at a time, as far as they are still there."""


class KafkaQuestions:
    """Implements `Questions` with a client for each, so that nobody pays while nobody asks."""

    def __init__(self, connection: Connection, seconds: float | None = None) -> None:
        """`seconds`: how long one answer may take; None where somebody waits who can see that it goes on."""
        self._connection = connection
        self._seconds = seconds

    async def ranges(self, topics: Sequence[str]) -> Mapping[Partition, range]:
        async with self._deadline():
            return await offset_ranges(self._connection, topics)

    async def offsets_at(self, topic: str, times: Sequence[int]) -> Sequence[Mapping[Partition, int]]:
        async with self._deadline():
            return await offsets_at(self._connection, topic, times)

    async def read(self, ranges: Mapping[Partition, range], take: Take) -> None:
        starts = {partition: wanted.start for partition, wanted in ranges.items()}
        ends = {partition: wanted.stop for partition, wanted in ranges.items()}
        async with self._deadline(), contextlib.aclosing(read_from(self._connection, starts, ends)) as batches:
            async for batch in batches:
                if not take(batch):
                    return

    @contextlib.asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError:
            raise Transient(f"kafka: no answer within {self._seconds:g} s") from None
