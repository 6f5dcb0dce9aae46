"""Whether the brokers' clocks agree with the gateway's, as the acknowledgements of events tell, and what follows.

Late and future are judged against the broker's clock (`LogAppendTime`): a clock that is wrong by more than a stream can
bear makes dead letters of good events. An acknowledgement brings the broker's time of the append, which lies between
the gateway's own times of the send and of the acknowledgement where the clocks agree; only what lies outside of that
counts, so that a slow round trip never does.

After `IN_A_ROW` acknowledgements of one broker that are beyond half of a stream's smallest bound, the events of that
stream alone are refused. Each broker has a clock of its own, so that only evidence from the same broker ends it: the
record that is written to `cauce.probe` meanwhile, where that broker leads its partition; else one event, let through
every `EVERY_SECONDS` as a trial; or that the broker leads no partition of the stream's topic any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from services.api_gateway import metrics
from shared.errors import Transient
from shared.kafka.records import Acknowledged, Outgoing
from shared.kafka.transport import Producer
from shared.streams.declaration import Stream
from shared.streams.units import milliseconds
from shared.topics import PROBE

IN_A_ROW = 3
"""Acknowledgements. One may straddle a step of either clock, and a second follow it from the same moment; a third comes
from a clock that is wrong. Each is one publish, of at most 1,000 events of one request: no more good events than those,
and what is under way beside them, become dead letters."""
LEAST_MS = 500
"""Clocks that are kept by NTP differ by less; a stream that bears less than twice this can't be guarded closer."""
EVERY_SECONDS = 5.0
PUBLISHED_AT_ONCE = 1_000


class ClockApart(Transient):
    """A broker's clock is too far from the gateway's for a stream's rule of late and future."""


class ClockSource(Producer, Protocol):
    """What a look at the clocks needs of a producer."""

    async def leaders(self, topic: str) -> frozenset[int]:
        """The brokers that lead its partitions now. Raises Transient."""


def apart(appended: int, sent: int, acknowledged: int) -> int:
    """By how much the broker's clock is ahead of the gateway's, at least; negative where it is behind; 0 where they may
    agree. All in milliseconds."""
    return max(0, appended - acknowledged) + min(0, appended - sent)


def bound_ms(stream: Stream) -> int:
    """The greatest difference that a stream bears: half of the smallest of its bounds."""
    spans = [span for span in (stream.event_time.lateness, stream.event_time.max_ahead) if span is not None]
    return max(LEAST_MS, milliseconds(min(spans)) // 2)


@dataclass(slots=True)
class _Sight:
    """Of one broker's clock by one stream: so many acknowledgements in a row were too far off, the last by so much."""

    in_a_row: int
    apart_ms: int

    @property
    def refuses(self) -> bool:
        return self.in_a_row >= IN_A_ROW


@dataclass(slots=True)
class _Watched:
    """`tried_at` is when a trial was let through last, or the refusal began; by the monotonic clock."""

    name: str
    bound_ms: int
    sights: dict[int, _Sight] = field(default_factory=dict)
    tried_at: float = 0.0

    @property
    def refusing(self) -> dict[int, _Sight]:
        return {broker: sight for broker, sight in self.sights.items() if sight.refuses}

    def see(self, broker: int, apart_ms: int) -> None:
        if abs(apart_ms) <= self.bound_ms:
            self.sights.pop(broker, None)
            return
        began = not self.refusing
        before = self.sights.get(broker)
        self.sights[broker] = _Sight(before.in_a_row + 1 if before else 1, apart_ms)
        if began:
            self.tried_at = monotonic()

    def sentence(self) -> str:
        broker, worst = max(self.refusing.items(), key=lambda seen: abs(seen[1].apart_ms))
        where = "ahead of" if worst.apart_ms > 0 else "behind"
        return (
            f"the clock of broker {broker} is {abs(worst.apart_ms) / 1000:.1f} s {where} the gateway's, and events of "
            f"`{self.name}` may differ by {self.bound_ms / 1000:g} s at most: good ones would become dead letters, so "
            f"none is taken until the clocks agree"
        )


class BrokerClocks:
    """By the topics that streams are posted to. Of one event loop."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        self._watched = {
            stream.topic_name: _Watched(stream.name, bound_ms(stream)) for stream in streams if not stream.of_pipeline
        }
        self._reached: frozenset[int] = frozenset()
        self.refused = asyncio.Event()
        """Set while the events of any stream are."""

    def at_once(self, topic: str) -> int:
        """How many events may be published together now. Raises ClockApart."""
        watched = self._watched.get(topic)
        if watched is None or not (refusing := watched.refusing):
            return PUBLISHED_AT_ONCE
        due = monotonic() - watched.tried_at >= EVERY_SECONDS
        if due and not self._reached.issuperset(refusing):
            watched.tried_at = monotonic()
            return 1
        raise ClockApart(watched.sentence(), retry_after=EVERY_SECONDS)

    def acknowledged(self, topic: str, written: Sequence[Acknowledged], sent: int, now: int) -> None:
        """Of one publish to a topic; `sent` and `now` by the gateway's clock, in milliseconds since 1970."""
        if watched := self._watched.get(topic):
            for broker, apart_ms in _by_broker(written, sent, now).items():
                watched.see(broker, apart_ms)
            self._note()

    def probed(self, written: Sequence[Acknowledged], sent: int, now: int) -> None:
        """Of a record to `cauce.probe`: news for the streams that are refused, and no first suspicion of others."""
        found = _by_broker(written, sent, now)
        self._reached = frozenset(found)
        for watched in self._watched.values():
            for broker in watched.refusing.keys() & found.keys():
                watched.see(broker, found[broker])
        self._note()

    def led_by(self, topic: str, brokers: frozenset[int]) -> None:
        """The clock of a broker that leads none of the topic's partitions is no concern of the stream."""
        sights = self._watched[topic].sights
        for broker in sights.keys() - brokers:
            del sights[broker]
        self._note()

    def refused_topics(self) -> list[str]:
        return [topic for topic, watched in self._watched.items() if watched.refusing]

    def warnings(self) -> dict[str, str]:
        """For `/ready`, by the stream."""
        return {f"stream {w.name}": w.sentence() for w in self._watched.values() if w.refusing}

    def _note(self) -> None:
        if self.refused_topics():
            self.refused.set()
        else:
            self.refused.clear()


def _by_broker(written: Sequence[Acknowledged], sent: int, now: int) -> dict[int, int]:
    """How far each broker's clock is off. Those that gave no time of their own have said nothing."""
    times = {(one.broker, one.timestamp) for one in written if one.broker is not None}
    found: dict[int, int] = {}
    for broker, appended in times:
        found[broker] = max(found.get(broker, 0), apart(appended, sent, now), key=abs)
    for broker, apart_ms in found.items():
        metrics.CLOCK_SKEW.labels(str(broker)).set(apart_ms / 1000)
    return found


def clock() -> int:
    """Now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class ClockProbe:
    """`run` is a job: a refusal brings no more acknowledgements, so that a record of the gateway's own has to."""

    def __init__(self, clocks: BrokerClocks, producer: ClockSource) -> None:
        """The producer is the probe's own: where it fails, no event is disturbed."""
        self._clocks = clocks
        self._producer = producer

    async def run(self) -> None:
        """Without end. Raises Transient while Kafka is away."""
        try:
            while True:
                await self._clocks.refused.wait()
                await self.look()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            await self._producer.stop()

    async def look(self) -> None:
        """Once. Raises Transient: then no broker counts as reached, so that trials go on."""
        sent = clock()
        written: Sequence[Acknowledged] = ()
        try:
            for topic in self._clocks.refused_topics():
                self._clocks.led_by(topic, await self._producer.leaders(topic))
            sent = clock()
            written = await self._producer.publish([Outgoing(PROBE.name, None, b"the gateway looks at the clocks")])
        finally:
            self._clocks.probed(written, sent, clock())
