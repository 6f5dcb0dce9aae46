"""What the gateway asks of topics now and then, beside what it tails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from shared.errors import Transient
from shared.kafka import questions
from shared.kafka.client import Connection, KafkaAdmin
from shared.kafka.lag import Lag, read_lag
from shared.kafka.questions import Questions, Take
from shared.kafka.records import Partition

ANSWER_SECONDS = 8.0

__all__ = ["KafkaQuestions", "Take", "TopicQuestions", "newest"]


class TopicQuestions(Questions, Protocol):
    """Every method raises Transient where the broker doesn't answer within seconds."""

    async def lag(self) -> Sequence[Lag]:
        """Of every consumer group, per topic."""

    async def committed(self, group: str) -> Mapping[Partition, int]:
        """The offsets that a consumer group has committed."""


class KafkaQuestions(questions.KafkaQuestions):
    """Implements `TopicQuestions`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, ANSWER_SECONDS)

    async def lag(self) -> Sequence[Lag]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await read_lag(self._connection)
        except TimeoutError:
            raise Transient(f"kafka: no answer within {ANSWER_SECONDS:g} s") from None

    async def committed(self, group: str) -> Mapping[Partition, int]:
        async with self._deadline(), KafkaAdmin(self._connection) as admin:
            return await admin.committed(group)


def newest(ranges: Mapping[Partition, range], most: int) -> dict[Partition, range]:
    """The ends of these ranges, about `most` records together."""
    each = max(1, most // max(1, len(ranges)))
    return {partition: range(max(held.start, held.stop - each), held.stop) for partition, held in ranges.items()}
