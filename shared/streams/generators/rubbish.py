"""Events that must be refused, of every kind there is, each with the code that it must get."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from shared.errors import Code
from shared.streams.declaration import FieldDeclaration, Stream, Type
from shared.streams.generators.times import written
from shared.streams.units import milliseconds
from shared.streams.verdict import Value

Event = Mapping[str, Value]
HOUR = 3_600_000
RARE = 50
"""One in so many is a huge one: it is as large as thousands of others."""


@dataclass(frozen=True)
class Bad:
    """What is wrong with it in a word or two, the code that it must be refused with, and its bytes."""

    kind: str
    code: Code
    value: bytes


Maker = Callable[[dict[str, object], int], Bad]


class Rubbish:
    """Makes bad events of good ones, each kind in its turn."""

    def __init__(self, stream: Stream, random: Random) -> None:
        self._stream = stream
        self._random = random
        self._makers = self._possible()
        self._made = 0

    def spoil(self, event: Event, time: int) -> Bad:
        """`time`, in ms since 1970, is when it is sent."""
        self._made += 1
        if self._made % RARE == 0:
            return self._too_large(dict(event), time)
        return self._makers[self._made % len(self._makers)](dict(event), time)

    def every_kind(self, event: Event, time: int) -> list[Bad]:
        """One of each."""
        return [make(dict(event), time) for make in (*self._makers, self._too_large)]

    def _possible(self) -> list[Maker]:
        """A stream that takes unknown fields, or every age, can't refuse them."""
        makers = [
            self._not_json,
            self._cut_off,
            self._a_list,
            self._no_number,
            self._missing,
            self._wrong,
            self._future,
        ]
        makers += [self._extra] if self._stream.extra == "forbid" else []
        makers += [self._late] if self._stream.event_time.lateness is not None else []
        return makers + ([self._outside] if any(map(outside, self._stream.fields.values())) else [])

    def _not_json(self, _event: dict[str, object], _time: int) -> Bad:
        return Bad("not JSON", Code.INVALID_JSON, self._random.randbytes(20).hex().encode() + b"\xff")

    def _cut_off(self, event: dict[str, object], _time: int) -> Bad:
        return Bad("cut off", Code.INVALID_JSON, _bytes(event)[:-1])

    def _a_list(self, event: dict[str, object], _time: int) -> Bad:
        return Bad("no object", Code.INVALID_JSON, _bytes([event]))

    def _no_number(self, event: dict[str, object], _time: int) -> Bad:
        return Bad("NaN", Code.INVALID_JSON, _bytes({**event, self._any_field(): float("nan")}))

    def _missing(self, event: dict[str, object], _time: int) -> Bad:
        del event[self._any_field()]
        return Bad("a field missing", Code.MISSING_FIELD, _bytes(event))

    def _wrong(self, event: dict[str, object], _time: int) -> Bad:
        return Bad("a wrong type", Code.WRONG_TYPE, _bytes({**event, self._any_field(): {"a": 1}}))

    def _extra(self, event: dict[str, object], _time: int) -> Bad:
        return Bad("an unknown field", Code.UNKNOWN_FIELD, _bytes({**event, "nobody_declared_this": 1}))

    def _outside(self, event: dict[str, object], _time: int) -> Bad:
        found = {name: value for name, field in self._stream.fields.items() if (value := outside(field)) is not None}
        name = self._random.choice(list(found))
        return Bad("out of range", Code.OUT_OF_RANGE, _bytes({**event, name: found[name]}))

    def _future(self, event: dict[str, object], time: int) -> Bad:
        ahead = milliseconds(self._stream.event_time.max_ahead) + HOUR
        return Bad("from the future", Code.FUTURE, self._at(event, time + ahead))

    def _late(self, event: dict[str, object], time: int) -> Bad:
        lateness = self._stream.event_time.lateness
        behind = HOUR + (milliseconds(lateness) if lateness else 0)
        return Bad("late", Code.LATE, self._at(event, time - behind))

    def _too_large(self, event: dict[str, object], _time: int) -> Bad:
        """Spaces, which a topic's limit on compressed bytes lets through."""
        return Bad("too large", Code.TOO_LARGE, _bytes(event) + b" " * self._stream.max_event_bytes)

    def _at(self, event: dict[str, object], time: int) -> bytes:
        return _bytes({**event, self._stream.event_time.field: written(self._stream, time)})

    def _any_field(self) -> str:
        return self._random.choice([name for name, field in self._stream.fields.items() if not field.optional])


def outside(field: FieldDeclaration) -> Value | None:
    """A value of the right type that the field's rules refuse; None where they refuse nothing that is short."""
    if field.type is Type.STRING:
        return "x" * (field.max_length + 1) if field.max_length < 10_000 else None
    if not field.type.numeric:
        return None
    if field.maximum is not None:
        return int(field.maximum) + 1 if field.type.whole else field.maximum + 1
    if field.minimum is not None:
        return int(field.minimum) - 1 if field.type.whole else field.minimum - 1
    return 2**31 if field.type is Type.INT else None


def _bytes(event: object) -> bytes:
    return json.dumps(event).encode()
