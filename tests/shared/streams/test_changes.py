from __future__ import annotations

from typing import Any

import pytest

from shared.streams.changes import Change, Effect, changes
from shared.streams.declaration import Stream

BEFORE: dict[str, Any] = {
    "name": "orders",
    "topic": {"partitions": 3, "key": "shop"},
    "event_time": {"field": "at"},
    "fields": {
        "shop": {"type": "string"},
        "price": {"type": "double", "minimum": 0},
        "at": {"type": "long"},
    },
    "windows": [
        {"table": "orders_1m", "size": "1m", "group_by": ["shop"], "select": {"n": "count(*)", "paid": "sum(price)"}}
    ],
    "readings": {"collection": "orders_clean"},
}


def changed(**parts: Any) -> list[Change]:
    return changes(Stream.model_validate(BEFORE).canonical(), Stream.model_validate({**BEFORE, **parts}))


def window(**parts: Any) -> dict[str, Any]:
    return {**BEFORE["windows"][0], **parts}


def fields(**parts: Any) -> dict[str, Any]:
    return {**BEFORE["fields"], **parts}


def test_nothing_changed() -> None:
    """The same declaration, however it is written, has no changes."""
    written_out = {**BEFORE["windows"][0], "group_by": {"shop": "{shop}"}, "size": "60s"}
    assert changed(windows=[written_out]) == []


@pytest.mark.parametrize(
    "parts",
    [
        {"description": "all orders"},
        {"mode": "micro_batch"},
        {"archive": True},
        {"topic": {"partitions": 3, "key": "shop", "retention": "14d"}},
        {"event_time": {"field": "at", "skew": "1h"}},
        {"fields": fields(shop={"type": "string", "description": "where"})},
        {"windows": [BEFORE["windows"][0], {**BEFORE["windows"][0], "table": "orders_5m", "size": "5m"}]},
        {"windows": []},
        {"windows": [window(select={"n": "count(*)", "paid": "sum(price)", "most": "max(price)"})]},
        {"windows": [window(select={"n": "count(*)"})]},
        {"windows": [window(top={"n": 3, "by": "paid"})]},
        {"windows": [window(publish="shops")]},
        {"readings": None},
        {"readings": {"collection": "other_clean"}},
    ],
)
def test_what_applies_by_itself(parts: dict[str, Any]) -> None:
    """A new column, window or setting leaves what is there right."""
    assert {change.effect for change in changed(**parts)} == {Effect.COMPATIBLE}


@pytest.mark.parametrize(
    "parts",
    [
        {"event_time": {"field": "at", "lateness": "1h"}},
        {"event_time": {"field": "at", "unit": "s"}},
        {"fields": fields(price={"type": "double", "minimum": 1})},
        {"fields": fields(price={"type": "long", "minimum": 0})},
        {"fields": fields(note={"type": "string"})},
        {"fields": fields(note={"type": "string", "optional": True})},
        {"extra": "ignore"},
        {"max_event_bytes": "1KiB"},
    ],
)
def test_what_needs_a_reset(parts: dict[str, Any]) -> None:
    """What would judge or add up the same events differently asks for the rows to be computed anew."""
    assert {change.effect for change in changed(**parts)} == {Effect.RESET}


@pytest.mark.parametrize(
    "parts",
    [
        {"topic": {"partitions": 6, "key": "shop"}},
        {"topic": {"partitions": 3}},
        {"windows": [window(size="5m")]},
        {"windows": [window(slide="30s")]},
        {"windows": [window(group_by={"shop": "shop {shop}"})]},
        {"windows": [window(select={"n": "count(*)", "paid": "max(price)"})]},
        {"readings": {"collection": "orders_clean", "id": "shop"}},
    ],
)
def test_what_needs_another_name(parts: dict[str, Any]) -> None:
    """What would give the same name another meaning is refused, and the way out is told."""
    [change] = changed(**parts)
    assert change.effect is Effect.REFUSED
    assert "another" in change.what


def test_both_sides_are_named() -> None:
    """A change names its place, what was and what is."""
    [change] = changed(fields=fields(price={"type": "double", "minimum": 1}))
    assert change.what == "`fields.price.minimum` was `0.0` and is `1.0`"
