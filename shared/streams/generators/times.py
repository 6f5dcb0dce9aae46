"""How an event's time is written, and how many events are due."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.contracts.base import format_instant
from shared.streams.declaration import Stream, Type
from shared.streams.verdict import Value


def written(stream: Stream, time: int) -> Value:
    """`time`, in ms since 1970, as the stream's event time field holds it."""
    if stream.fields[stream.event_time.field].type is Type.TIMESTAMP:
        return format_instant(datetime.fromtimestamp(time / 1000, UTC))
    match stream.event_time.unit:
        case "s":
            return time // 1000
        case "ms":
            return time
        case "us":
            return time * 1000


class Pace:
    """`rate` events a second by the time since the start, so that no delay adds up; 0 is as many as can be taken."""

    def __init__(self, rate: float, most: int = 2_000) -> None:
        """`most` events are due at once, however far behind the sender is."""
        self._rate = rate
        self._most = most
        self._issued = 0

    def due(self, elapsed: float) -> int:
        """How many to send now, `elapsed` seconds after the start."""
        count = self._most if self._rate == 0 else min(int(self._rate * elapsed) - self._issued, self._most)
        self._issued += count
        return count
