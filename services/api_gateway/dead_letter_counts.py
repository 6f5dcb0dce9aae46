"""How many dead letters there are, by their codes: counted when somebody asks, each letter read once."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.api_gateway.topic_questions import TopicQuestions, newest
from shared.kafka.records import PREFIX, Partition, Record

MOST_READ = 20_000
"""Letters of a topic that are read at once; older ones are told as a number, without their codes."""
REMEMBERED = 10_000
_IDENTITY = tuple(f"{PREFIX}{name}" for name in ("consumer_group", "source_topic", "source_partition", "source_offset"))
UNCODED = "unknown"


@dataclass(slots=True)
class Letters:
    """Of one topic: `records` in all, `codes` of those that were read. A letter written twice by a crash counts once,
    as far as the first is remembered."""

    records: int = 0
    last_at: datetime | None = None
    codes: Counter[str] = field(default_factory=Counter)
    _seen: OrderedDict[tuple[bytes | None, ...], None] = field(default_factory=OrderedDict)

    def add(self, record: Record) -> None:
        identity = tuple(record.header(name) for name in _IDENTITY)
        if any(identity) and identity in self._seen:
            return
        self._seen[identity] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self.records += 1
        self.codes[(record.header(f"{PREFIX}error_code") or UNCODED.encode()).decode(errors="replace")] += 1
        self.last_at = max(self.last_at, record.time) if self.last_at else record.time


class DeadLetterCounts:
    def __init__(self, questions: TopicQuestions) -> None:
        self._questions = questions
        self._counts: dict[str, Letters] = {}
        self._read_until: dict[Partition, int] = {}
        self._lock = asyncio.Lock()

    async def of(self, topics: Sequence[str]) -> Mapping[str, Letters]:
        """By the names of the `.dlq` topics that are there. Raises Transient."""
        async with self._lock:
            held = await self._questions.ranges(topics)
            await self._read(self._new(held))
            return {topic: self._of(topic) for topic in _topics(held)}

    def _new(self, held: Mapping[Partition, range]) -> dict[Partition, range]:
        """What wasn't counted yet."""
        new = {
            partition: range(max(self._read_until.get(partition, 0), kept.start), kept.stop)
            for partition, kept in held.items()
        }
        return {partition: offsets for partition, offsets in new.items() if offsets}

    async def _read(self, new: Mapping[Partition, range]) -> None:
        """What was counted before an outage stays counted; the next question goes on from there."""
        wanted = {place: offsets for partition in new for place, offsets in _last(partition, new[partition]).items()}
        for partition, offsets in wanted.items():
            self._of(partition.topic).records += offsets.start - new[partition].start
            self._read_until[partition] = offsets.start
        if wanted:
            await self._questions.read(wanted, self._take)
        self._read_until |= {partition: offsets.stop for partition, offsets in wanted.items()}

    def _take(self, records: Sequence[Record]) -> bool:
        for record in records:
            self._of(record.partition.topic).add(record)
            self._read_until[record.partition] = record.offset + 1
        return True

    def _of(self, topic: str) -> Letters:
        return self._counts.setdefault(topic, Letters())


def _last(partition: Partition, offsets: range) -> dict[Partition, range]:
    return newest({partition: offsets}, MOST_READ)


def _topics(held: Mapping[Partition, range]) -> list[str]:
    return sorted({partition.topic for partition in held})
