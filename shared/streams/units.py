"""Durations and sizes as people write them in a declaration: `30s`, `7d`, `1MiB`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,9})(B|KiB|MiB)")
_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}
_MINUTES = {"d": "day", "h": "hour", "m": "min", "s": "sec", "ms": "ms"}


def parse_duration(text: object) -> timedelta:
    """Raises ValueError that shows how one is written."""
    if isinstance(text, timedelta):
        return text
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("must be a number with a unit, such as `500ms`, `30s`, `5m`, `1h` or `7d`")
    return int(found[1]) * _UNITS[found[2]]


def _longer_than_nothing(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return span


def format_duration(span: timedelta) -> str:
    """With the greatest unit that divides it: `300s` is `5m`."""
    number, unit = _in_greatest_unit(span)
    return f"{number}{unit}"


def name_duration(span: timedelta) -> str:
    """As in names of windows: `1min`, `5min`, `1hour`."""
    number, unit = _in_greatest_unit(span)
    return f"{number}{_MINUTES[unit]}"


def _in_greatest_unit(span: timedelta) -> tuple[int, str]:
    unit = next((unit for unit, size in _UNITS.items() if span and span % size == timedelta(0)), "s")
    return span // _UNITS[unit], unit


def milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def parse_size(text: object) -> int:
    """In bytes. Raises ValueError that shows how one is written."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("must be a number with a unit, such as `512KiB` or `4MiB`")
    return int(found[1]) * _BYTES[found[2]]


def format_size(size: int) -> str:
    unit = next(unit for unit in ("MiB", "KiB", "B") if size % _BYTES[unit] == 0)
    return f"{size // _BYTES[unit]}{unit}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    AfterValidator(_longer_than_nothing),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["30s", "5m", "7d"]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    Field(gt=0),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["1MiB"]}),
]
