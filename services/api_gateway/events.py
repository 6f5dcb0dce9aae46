"""Events of declared streams on their way into Kafka: judged, acknowledged, and no more at a time than fit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from services.api_gateway.broker_clock import BrokerClocks, clock
from services.api_gateway.room import Room
from shared.contracts.base import format_instant
from shared.errors import Code, Transient
from shared.kafka.records import Outgoing, cloud_event, trace_parent
from shared.kafka.transport import Producer
from shared.streams.declaration import Stream
from shared.streams.units import format_size
from shared.streams.verdict import Refused, judge

SOURCE = "api_gateway"


class Check:
    """One request's events: each is judged as if its record were written now, and becomes a record."""

    def __init__(self, stream: Stream, traceparent: bytes | None = None) -> None:
        self.stream = stream
        self._trace = trace_parent(traceparent)
        self._request = uuid4().hex
        self._now = 0
        self._time = ""

    def record(self, value: bytes | None, index: int) -> Outgoing | Refused:
        """`value` is None where the event was too long to be kept; `index` tells the events of a request apart."""
        if value is None:
            longest = format_size(self.stream.max_event_bytes)
            return Refused(Code.TOO_LARGE, f"more than {longest}: a longer event is not accepted")
        self._look_at_the_clock()
        verdict = judge(self.stream, value, self._now)
        if isinstance(verdict, Refused):
            return verdict
        key = self.stream.topic.key
        return Outgoing(
            topic=self.stream.topic_name,
            key=str(verdict.event[key]).encode() if key else None,
            value=value,
            headers=cloud_event(self.stream.topic_name, SOURCE, f"{self._request}-{index}", self._time, self._trace),
        )

    def _look_at_the_clock(self) -> None:
        if (now := clock()) != self._now:
            self._now = now
            self._time = format_instant(datetime.fromtimestamp(now / 1000, UTC))


class Events:
    """Publishes events. Safe for concurrent use."""

    def __init__(self, producer: Producer, deadline: float, room: Room, clocks: BrokerClocks) -> None:
        """`deadline` in seconds: for the acknowledgement of what is published at once."""
        self._producer = producer
        self._deadline = deadline
        self._clocks = clocks
        self.room = room

    def at_once(self, stream: Stream) -> int:
        """How many events of a stream may be published together. Raises ClockApart where none may."""
        return self._clocks.at_once(stream.topic_name)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Returns once all in-sync replicas have all of them, which are of one stream.

        Raises Transient when that could not be learnt in time (some may have been written all the same), and
        Permanent(TOO_LARGE) for a record that its topic doesn't take.
        """
        sent = clock()
        try:
            async with asyncio.timeout(self._deadline):
                written = await self._producer.publish(records)
        except TimeoutError:
            raise Transient(f"kafka: no acknowledgement within {self._deadline:g} s") from None
        self._clocks.acknowledged(records[0].topic, written, sent, clock())
