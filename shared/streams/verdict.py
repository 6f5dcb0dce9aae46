"""Whether one event of a stream is accepted: a pure function of its bytes and its record's timestamp.

The gateway asks it before it publishes, `cauce verify` when it computes again what Spark computed. Spark's twin is
streaming/validate.py; tests/suites/verdicts.py holds both to one table. The first rule that is broken decides:

    too_large      more bytes than `max_event_bytes`
    invalid_json   not one JSON object (RFC 8259) in valid UTF-8 without a byte order mark and without lone surrogates;
                   a name twice in one object; objects and lists more than 64 deep; a number of more than 1,000 digits;
                   a name of more than 50,000 UTF-16 units; no value at all
    unknown_field  a name that isn't declared, unless `extra: ignore`; upper and lower case differ
    missing_field  a declared name that isn't there, or is null, and isn't optional
    wrong_type     a whole number with a point or an exponent, or beyond 64 bits; a double that is infinite; an instant
                   without a zone, of no day in the calendar, or outside the years 1 to 9999 in UTC
    out_of_range   beyond 32 bits, `minimum`, `maximum`, `multiple_of`, `max_length` (code points), `enum`, `pattern`;
                   an event time before the year 1001: MySQL could not hold each of its windows
    future, late   compared with the record's timestamp; an event time after the year 9998 is from the future

A redriven record is judged by its first timestamp: when it came in, not when it was put back. Where an operator has
waived the rule (`cauce dlq redrive --accept-time`) it may be of any age, and `future` is measured from when it was put
back: an event from beyond that would move Spark's watermark past every event that is yet to come.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.base import format_instant
from shared.errors import Code
from shared.kafka.records import Record
from shared.streams.declaration import FieldDeclaration, Stream, Type
from shared.streams.patterns import matches
from shared.streams.units import milliseconds

Value = str | int | float | bool
INT = range(-(2**31), 2**31)
LONG = range(-(2**63), 2**63)
INSTANT = (
    r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-](0[0-9]|1[0-7]):[0-5][0-9])"
)
DEEPEST = 64
"""Levels of objects and lists."""
MOST_DIGITS = 1000
LONGEST_NAME = 50_000
"""In UTF-16 units, as Jackson counts."""
MOST_NAMED = 10
"""How many fields a message names."""
LONGEST_NAMES = 640
"""Characters of undeclared names that a message repeats."""
EARLIEST, LATEST = -30_578_688_000_000, 253_370_764_799_999
"""The first and the last event time, in milliseconds since 1970: the years 1001 to 9998."""
BEYOND = LATEST + 1
CLOSE = 1e-9
"""How far, in multiples of `multiple_of`, a number may lie from a whole one: 0.3 is a multiple of 0.1."""
_PER_MILLISECOND = {"s": (1000, 1), "ms": (1, 1), "us": (1, 1000)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """`event` holds the declared fields that are there, as their types have them (a double is a float, an instant reads
    `2026-01-02T03:04:05.678Z`); `time` is the event time in milliseconds since 1970."""

    event: Mapping[str, Value]
    time: int


@dataclass(frozen=True, slots=True)
class Refused:
    """`message` names the fields and says what they must be."""

    code: Code
    message: str


def judge(stream: Stream, value: bytes | None, timestamp: int, *, any_age: bool = False) -> Accepted | Refused:
    """`timestamp` is the record's, in milliseconds since 1970; `any_age`: nothing is `late`."""
    found = read(stream, value)
    if isinstance(found, Refused):
        return found
    return _in_time(stream, found, timestamp, any_age=any_age)


def judge_record(stream: Stream, record: Record) -> Accepted | Refused:
    """The verdict on a record as it was read, with what its headers say of a redrive."""
    if record.accepts_time:
        return judge(stream, record.value, record.timestamp, any_age=True)
    return judge(stream, record.value, record.first.timestamp)


def read(stream: Stream, value: bytes | None) -> Accepted | Refused:
    """All rules but those of time."""
    if value is not None and len(value) > stream.max_event_bytes:
        return Refused(Code.TOO_LARGE, f"{len(value)} bytes, at most {stream.max_event_bytes} are accepted")
    event = _object(value)
    if event is None:
        return Refused(Code.INVALID_JSON, "must be one JSON object in UTF-8, without repeated names")
    return _checked(stream, event)


def _object(value: bytes | None) -> dict[str, Any] | None:
    try:
        text = (value or b"").decode()
        # Only a long text can hold a long number or a long name.
        found = (_DECODER if len(text) <= MOST_DIGITS else _CAREFUL_DECODER).decode(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return found if text.count("[") + text.count("{") <= DEEPEST or _is_shallow(found, DEEPEST) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _unique_and_short(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if any(len(name.encode("utf-16-le", "surrogatepass")) > 2 * LONGEST_NAME for name, _ in pairs):
        raise ValueError("a name is too long")
    return _unique(pairs)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _counted(text: str) -> str:
    """A zero before the point is no digit to Jackson, Spark's parser."""
    if len(text) > MOST_DIGITS and sum(map(str.isdigit, text.lstrip("-").lstrip("0"))) > MOST_DIGITS:
        raise ValueError("a number has too many digits")
    return text


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    members = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(member, levels - 1) for member in members)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_CAREFUL_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_and_short,
    parse_constant=_no_constant,
    parse_int=lambda text: int(_counted(text)),
    parse_float=lambda text: float(_counted(text)),
)


def _checked(stream: Stream, event: dict[str, Any]) -> Accepted | Refused:
    if stream.extra == "forbid" and (unknown := event.keys() - stream.fields.keys()):
        names = "`, `".join(sorted(unknown)[:MOST_NAMED])
        return Refused(Code.UNKNOWN_FIELD, f"not declared: `{names[:LONGEST_NAMES]}`")
    there = {name: event[name] for name in stream.fields if event.get(name) is not None}
    if missing := [f"`{name}`" for name, field in stream.fields.items() if not field.optional and name not in there]:
        return Refused(Code.MISSING_FIELD, f"missing: {_first(missing)}")
    typed = {name: _typed(stream.fields[name].type, value) for name, value in there.items()}
    if wrong := [f"`{name}` (must be `{stream.fields[name].type}`)" for name in typed if typed[name] is None]:
        return Refused(Code.WRONG_TYPE, f"of a wrong type: {_first(wrong)}")
    accepted = Accepted({name: value for name, value in typed.items() if value is not None}, 0)
    accepted = replace(accepted, time=event_time(stream, accepted.event))
    if outside := [f"`{name}`" for name in typed if not _is_within(stream, accepted, name)]:
        return Refused(Code.OUT_OF_RANGE, f"out of range: {_first(outside)}")
    return accepted


def _first(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED])


def _typed(kind: Type, value: object) -> Value | None:
    """As the type has it: an instant in UTC to the millisecond, a double without the minus of its zero. None where it
    is no such thing."""
    match kind:
        case Type.INT | Type.LONG:
            return value if isinstance(value, int) and not isinstance(value, bool) and value in LONG else None
        case Type.DOUBLE:
            return _double(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case Type.STRING:
            return value if isinstance(value, str) else None
        case Type.BOOLEAN:
            return value if isinstance(value, bool) else None
        case Type.TIMESTAMP:
            moment = instant(value) if isinstance(value, str) else None
            return None if moment is None else format_instant(_EPOCH + moment * _MILLISECOND)


def _double(value: float) -> float | None:
    try:
        return float(value) + 0.0 if math.isfinite(value) else None
    except OverflowError:
        return None


def _is_within(stream: Stream, accepted: Accepted, name: str) -> bool:
    if name == stream.event_time.field and accepted.time < EARLIEST:
        return False
    return _allows(stream.fields[name], accepted.event[name])


def _allows(field: FieldDeclaration, value: Value) -> bool:
    if isinstance(value, str):
        return field.type is Type.TIMESTAMP or _allows_text(field, value)
    if isinstance(value, bool):
        return True
    if field.type is Type.INT and value not in INT:
        return False
    within = (field.minimum is None or value >= field.minimum) and (field.maximum is None or value <= field.maximum)
    return within and (field.multiple_of is None or _is_whole(value / field.multiple_of))


def _is_whole(quotient: float) -> bool:
    return math.isfinite(quotient) and abs(quotient - round(quotient)) <= CLOSE


def _allows_text(field: FieldDeclaration, value: str) -> bool:
    if len(value) > field.max_length or (field.enum is not None and value not in field.enum):
        return False
    return field.pattern is None or matches(field.pattern, value)


def instant(text: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 time with its zone, cut to milliseconds; None where it is none."""
    if re.fullmatch(INSTANT, text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def event_time(stream: Stream, event: Mapping[str, Value]) -> int:
    """In milliseconds since 1970, of an event whose types are right; `BEYOND` for all that is later."""
    value = event[stream.event_time.field]
    if isinstance(value, str):
        return min(instant(value) or 0, BEYOND)
    times, parts = _PER_MILLISECOND[stream.event_time.unit]
    return min(int(value) * times // parts, BEYOND)


def _in_time(stream: Stream, accepted: Accepted, timestamp: int, *, any_age: bool) -> Accepted | Refused:
    """By the record's own timestamp, never by a clock, so that a replay decides the same."""
    ahead, lateness = _tolerances(stream)
    if accepted.time > timestamp + ahead:
        return Refused(Code.FUTURE, f"{accepted.time - timestamp} ms ahead of its record, at most {ahead} are accepted")
    if lateness is not None and not any_age and accepted.time < timestamp - lateness:
        return Refused(Code.LATE, f"{timestamp - accepted.time} ms behind its record, at most {lateness} are accepted")
    return accepted


def _tolerances(stream: Stream) -> tuple[int, int | None]:
    time = stream.event_time
    return milliseconds(time.max_ahead), None if time.lateness is None else milliseconds(time.lateness)
