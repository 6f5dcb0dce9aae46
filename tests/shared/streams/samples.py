"""Declarations for tests, small ones that each test changes in one place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from shared.kafka.records import Partition, Record
from shared.streams.declaration import Stream

NOW = 1_700_000_000_000
"""In ms since 1970; the start of no minute."""
MINUTE = 60_000

ORDERS: dict[str, Any] = {
    "name": "orders",
    "topic": {"key": "customer", "partitions": 2},
    "event_time": {"field": "at", "unit": "ms"},
    "fields": {
        "customer": {"type": "string", "max_length": 20},
        "price": {"type": "double", "minimum": 0, "optional": True},
        "items": {"type": "int", "minimum": 1, "maximum": 100},
        "at": {"type": "long", "minimum": 1},
    },
    "windows": [
        {
            "table": "orders_1m",
            "size": "1m",
            "group_by": ["customer"],
            "select": {"orders": "count(*)", "mean": "avg(price)", "items": "sum(items)"},
            "top": {"n": 3, "by": "orders"},
        }
    ],
}


def declared(**changes: Any) -> dict[str, Any]:
    """`orders` with other values; a dotted name such as `windows.0.size` reaches inside; None removes."""
    value = deepcopy(ORDERS)
    for path, new in changes.items():
        _set(value, path.split("."), new)
    return value


def _set(value: Any, path: list[str], new: Any) -> None:
    *way, last = path
    for part in way:
        value = value[int(part)] if isinstance(value, list) else value.setdefault(part, {})
    place: Any = int(last) if isinstance(value, list) else last
    if new is None:
        del value[place]
    else:
        value[place] = new


def orders(**changes: Any) -> Stream:
    return Stream.model_validate(declared(**changes))


def record(value: bytes, offset: int = 0, *, partition: int = 0, timestamp: int = NOW, topic: str = "orders") -> Record:
    return Record(Partition(topic, partition), offset, timestamp, None, value)
