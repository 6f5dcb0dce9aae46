"""What goes on in a stream: how much comes in, what is in it, how long it takes, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.api_gateway.arrivals import Arrivals, Minute
from services.api_gateway.dead_letter_counts import DeadLetterCounts
from services.api_gateway.distribution import Bucket, Sample, buckets, usual_field
from services.api_gateway.live_view import LiveView
from services.api_gateway.recent import Recent
from services.api_gateway.topic_questions import TopicQuestions, newest
from shared.kafka.records import Partition
from shared.streams.declaration import Stream
from shared.streams.topics import input_topic

SAMPLED_EVENTS, SAMPLED_BYTES = 2_000, 8 * 1024 * 1024
FRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stats:
    """`latencies` in milliseconds, sorted; `field` is the one whose values are in `buckets`."""

    per_minute: Sequence[Minute]
    total: int
    field: str | None
    buckets: Sequence[Bucket]
    latencies: Sequence[int]
    rejected: Mapping[str, int]


class StreamStats:
    """Asks Kafka when it is asked, and not again within two seconds. Raises Transient where Kafka is away."""

    def __init__(self, questions: TopicQuestions, live: LiveView, letters: DeadLetterCounts) -> None:
        self._questions = questions
        self._live = live
        self._letters = letters
        self._arrivals = Arrivals(questions)
        self._recent: Recent[Stats] = Recent(FRESH_SECONDS)
        self._recent_totals: Recent[Mapping[str, int]] = Recent(FRESH_SECONDS)

    async def of(self, stream: Stream, field: str | None = None) -> Stats:
        """`field` must be a declared number; where it isn't given, one is chosen."""
        chosen = field or usual_field(stream)
        return await self._recent.get((stream.name, chosen), lambda: self._ask(stream, chosen))

    async def _ask(self, stream: Stream, field: str | None) -> Stats:
        topic = input_topic(stream)
        held = await self._questions.ranges([topic.name])
        now = time.time_ns() // 1_000_000
        letters = await self._letters.of([topic.dlq.name])
        return Stats(
            per_minute=await self._arrivals.per_minute(topic.name, held, now),
            total=sum(offsets.stop for offsets in held.values()),
            field=field,
            buckets=await self._distribution(stream, field, held) if field else (),
            latencies=self._live.latencies(frozenset(window.table for window in stream.windows)),
            rejected={code: n for counted in letters.values() for code, n in counted.codes.most_common()},
        )

    async def _distribution(self, stream: Stream, field: str, held: Mapping[Partition, range]) -> list[Bucket]:
        wanted = {place: offsets for place, offsets in newest(held, SAMPLED_EVENTS).items() if offsets}
        sample = Sample(field, stream.fields[field], SAMPLED_BYTES)
        if wanted:
            await self._questions.read(wanted, sample.take)
        return buckets(sample.values, stream.fields[field])

    async def totals(self, streams: Sequence[Stream]) -> Mapping[str, int]:
        """Records that were ever in each stream's topic, by the stream's name."""
        return await self._recent_totals.get("totals", lambda: self._totals(streams))

    async def _totals(self, streams: Sequence[Stream]) -> Mapping[str, int]:
        held = await self._questions.ranges([stream.topic_name for stream in streams])
        return {
            stream.name: sum(offsets.stop for place, offsets in held.items() if place.topic == stream.topic_name)
            for stream in streams
        }


def percentile(samples: Sequence[int], share: float) -> int | None:
    """The nearest rank of sorted samples; None where there are none."""
    return samples[min(len(samples) - 1, int(share * len(samples)))] if samples else None
