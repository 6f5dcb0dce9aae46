"""Events per minute by their arrival, from offsets alone: no event is read for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from services.api_gateway.topic_questions import TopicQuestions
from shared.kafka.records import Partition

MINUTE = 60_000
MINUTES = 60


@dataclass(frozen=True, slots=True)
class Minute:
    start: datetime
    events: int


class Arrivals:
    """Remembers how far the topics were when each of the last minutes began, which doesn't change any more."""

    def __init__(self, questions: TopicQuestions) -> None:
        self._questions = questions
        self._known: dict[str, dict[int, int]] = {}

    async def per_minute(self, topic: str, held: Mapping[Partition, range], now: int) -> list[Minute]:
        """The last 60 minutes, the one that runs included. `held` is what the topic's partitions hold, `now` in
        milliseconds since 1970. Raises Transient."""
        last = now - now % MINUTE
        begins = [last - ago * MINUTE for ago in reversed(range(MINUTES))]
        reached = await self._reached(topic, begins, sure_until=last - MINUTE)
        totals = [*(reached[begin] for begin in begins), sum(offsets.stop for offsets in held.values())]
        counts = [max(0, after - before) for before, after in pairwise(totals)]
        return [
            Minute(datetime.fromtimestamp(begin / 1000, UTC), count)
            for begin, count in zip(begins, counts, strict=True)
        ]

    async def _reached(self, topic: str, begins: list[int], sure_until: int) -> Mapping[int, int]:
        """The sum of the offsets at each time; the newest are asked for again, should the broker's clock be behind."""
        known = self._known.get(topic, {})
        unknown = [begin for begin in begins if begin not in known]
        offsets = await self._questions.offsets_at(topic, unknown)
        found = {begin: sum(at.values()) for begin, at in zip(unknown, offsets, strict=True)}
        reached = {begin: known[begin] if begin in known else found[begin] for begin in begins}
        self._known[topic] = {begin: total for begin, total in reached.items() if begin <= sure_until}
        return reached
