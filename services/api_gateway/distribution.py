"""How the values of a field are spread over the newest events."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from shared.kafka.records import Record
from shared.streams.declaration import FieldDeclaration, Stream

BUCKETS = 20
MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Bucket:
    """Values from `start` on, below `end`."""

    start: float
    end: float
    count: int


def usual_field(stream: Stream) -> str | None:
    """The first that a window computes something of, else the first number that is not the event's time. None for the
    pipeline's own events: they are large, and their numbers tell little."""
    if stream.of_pipeline:
        return None
    numbers = [name for name, field in stream.fields.items() if field.type.numeric and name != stream.event_time.field]
    computed = [name for window in stream.windows for a in window.select.values() for name in a.fields]
    return next((name for name in (*computed, *numbers) if name in numbers), None)


class Sample:
    """The values of a field that lie within its declared limits: whatever else stands there belongs to a bad event."""

    def __init__(self, field: str, declared: FieldDeclaration, most_bytes: int) -> None:
        self._field = field
        self._low = -math.inf if declared.minimum is None else declared.minimum
        self._high = math.inf if declared.maximum is None else declared.maximum
        self._left = most_bytes
        self.values: list[float] = []

    def take(self, records: Sequence[Record]) -> bool:
        """Whether more is wanted."""
        for record in records:
            self._left -= record.size
            value = _number(self._field, record.value)
            if value is not None and self._low <= value <= self._high and math.isfinite(value):
                self.values.append(value)
        return self._left > 0


def _number(field: str, event: bytes | None) -> float | None:
    try:
        decoded = json.loads(event or b"")
        value = decoded.get(field) if isinstance(decoded, dict) else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError, RecursionError):
        return None


def buckets(found: Sequence[float], declared: FieldDeclaration) -> list[Bucket]:
    """One per declared step where those are few, else of one width between the least and the greatest value."""
    if not found:
        return []
    low, width, count = _cut(found, declared)
    counts = [0] * count
    for value in found:
        counts[min(count - 1, math.floor((value - low) / width + 1e-9))] += 1
    return [Bucket(low + place * width, low + (place + 1) * width, n) for place, n in enumerate(counts)]


def _cut(found: Sequence[float], declared: FieldDeclaration) -> tuple[float, float, int]:
    """The least value, the width of a bucket, and how many there are."""
    low, high = min(found), max(found)
    step = declared.multiple_of or (1.0 if declared.type.whole else None)
    if step is not None:
        first = low if declared.minimum is None else declared.minimum
        last = high if declared.maximum is None else declared.maximum
        for start, end in ((first, last), (low, high)):
            if (steps := round((end - start) / step) + 1) <= MOST_STEPS:
                return start, step, steps
    return low, (high - low) / BUCKETS or 1.0, BUCKETS
