"""What the gateway asks of topics now and then, beside what it tails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

from shared.errors import Transient
from shared.kafka.client import Connection, offset_ranges, offsets_at, read_from
from shared.kafka.lag import Lag, read_lag
from shared.kafka.records import Partition, Record

ANSWER_SECONDS = 8.0
Take = Callable[[Sequence[Record]], bool]
"""What is done with records as they are read; False where it was enough."""


class TopicQuestions(Protocol):
    """Every method raises Transient where the broker doesn't answer within seconds."""

    async def ranges(self, topics: Sequence[str]) -> Mapping[Partition, range]:
        """The offsets that every partition holds."""

    async def offsets_at(self, topic: str, times: Sequence[int]) -> Sequence[Mapping[Partition, int]]:
        """For each time, in milliseconds since 1970: the offsets of the first records that are not older."""

    async def read(self, ranges: Mapping[Partition, range], take: Take) -> None:
        """Hands these records over, some at a time, as far as they are still there."""

    async def lag(self) -> Sequence[Lag]:
        """Of every consumer group, per topic."""


class KafkaQuestions:
    """Implements `TopicQuestions` with a client for each question, so that nobody pays while nobody asks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ranges(self, topics: Sequence[str]) -> Mapping[Partition, range]:
        async with _deadline():
            return await offset_ranges(self._connection, topics)

    async def offsets_at(self, topic: str, times: Sequence[int]) -> Sequence[Mapping[Partition, int]]:
        async with _deadline():
            return await offsets_at(self._connection, topic, times)

    async def read(self, ranges: Mapping[Partition, range], take: Take) -> None:
        starts = {partition: wanted.start for partition, wanted in ranges.items()}
        ends = {partition: wanted.stop for partition, wanted in ranges.items()}
        async with _deadline(), contextlib.aclosing(read_from(self._connection, starts, ends)) as batches:
            async for batch in batches:
                if not take(batch):
                    return

    async def lag(self) -> Sequence[Lag]:
        async with _deadline():
            return await read_lag(self._connection)


@contextlib.asynccontextmanager
async def _deadline() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except TimeoutError:
        raise Transient(f"kafka: no answer within {ANSWER_SECONDS:g} s") from None


def newest(ranges: Mapping[Partition, range], most: int) -> dict[Partition, range]:
    """The ends of these ranges, about `most` records together."""
    each = max(1, most // max(1, len(ranges)))
    return {partition: range(max(held.start, held.stop - each), held.stop) for partition, held in ranges.items()}
