"""Any declared stream: random values within the rules, so that one's own declaration can be tried at once."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from rstr import Rstr

from shared.contracts.base import format_instant
from shared.errors import Fatal
from shared.streams.declaration import FieldDeclaration, Stream, Type
from shared.streams.generators.times import written
from shared.streams.verdict import Accepted, Refused, Value, judge

MEMBERS = 20
"""Of a text that events are grouped by, or a topic's key."""
ATTEMPTS = 100
SPAN = 1000.0


class Generic:
    """Texts that events are grouped by come from a few, so that groups meet; other texts are new each time."""

    def __init__(self, stream: Stream, random: Random) -> None:
        self._stream = stream
        self._random = random
        self._texts = Rstr(random)
        grouped = {
            name for window in stream.windows for template in window.group_by.values() for name in template.fields
        }
        self._members = {*grouped, stream.topic.key}

    def events(self, times: Sequence[int]) -> list[dict[str, Value]]:
        """One per time, in ms since 1970. Raises Fatal where nothing random meets the rules, such as a pattern with a
        look-ahead."""
        return [self._event(time) for time in times]

    def _event(self, time: int) -> dict[str, Value]:
        verdict: Accepted | Refused | None = None
        for _ in range(ATTEMPTS):
            event = {
                name: self._value(name, field, time)
                for name, field in self._stream.fields.items()
                if not field.optional or self._random.random() < 0.9
            }
            event[self._stream.event_time.field] = written(self._stream, time)
            verdict = judge(self._stream, json.dumps(event).encode(), time)
            if isinstance(verdict, Accepted):
                return event
        why = verdict.message if isinstance(verdict, Refused) else ""
        raise Fatal(f"{self._stream.name}: no event can be made up that is accepted: {why}")

    def _value(self, name: str, field: FieldDeclaration, time: int) -> Value:
        match field.type:
            case Type.BOOLEAN:
                return self._random.random() < 0.5
            case Type.TIMESTAMP:
                return format_instant(datetime.fromtimestamp(time / 1000, UTC))
            case Type.STRING:
                return self._text(name, field)
            case Type.DOUBLE:
                return self._number(field)
            case Type.INT | Type.LONG:
                return round(self._number(field))

    def _text(self, name: str, field: FieldDeclaration) -> str:
        if field.enum:
            return self._random.choice(field.enum)
        if field.pattern:
            return self._texts.xeger(field.pattern)
        if name in self._members:
            return f"{name}-{self._random.randint(1, MEMBERS)}"[-field.max_length :]
        return f"{self._random.getrandbits(64):016x}"[: field.max_length]

    def _number(self, field: FieldDeclaration) -> float:
        """Where a bound is missing, it lies 1000 (or 1000 steps) from the other, or from 0."""
        step = field.multiple_of or (1 if field.type.whole else 0.01)
        least, most = _bounds(field, max(SPAN, SPAN * step))
        first, last = math.ceil(least / step), math.floor(most / step)
        if first > last:
            return self._random.uniform(least, most)
        number = self._random.randint(first, last) * step
        return round(number, 9)


def _bounds(field: FieldDeclaration, span: float) -> tuple[float, float]:
    if field.minimum is None and field.maximum is None:
        return 0, span
    least = field.minimum if field.minimum is not None else (field.maximum or 0) - span
    return least, field.maximum if field.maximum is not None else least + span


def example(stream: Stream, time: int) -> dict[str, Value]:
    """An event that would be accepted at `time`, in ms since 1970; the same for the same declaration. Raises Fatal."""
    (event,) = Generic(stream, Random(stream.name)).events([time])  # noqa: S311 nothing secret
    return event
