"""Which change of a declaration is safe, for data that is there already.

compatible   applies by itself: what is new is filled from what the raw topic still holds
reset        rows that are there would not be what the declaration now says: they have to be computed anew
refused      the same name can't become that: a new name can
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.streams.declaration import Stream

Json = Mapping[str, Any]


class Effect(StrEnum):
    """What a change asks for."""

    COMPATIBLE = "compatible"
    RESET = "reset"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """`what` names the place in the declaration, both sides, and the way out where there is one."""

    effect: Effect
    what: str


def changes(before: Json, after: Stream) -> list[Change]:
    """`before` is a declaration's canonical form, as `streams.control` keeps it."""
    old, new = before, after.canonical()
    return [
        *_topic(old.get("topic", {}), new.get("topic", {})),
        *_event_time(old.get("event_time", {}), new.get("event_time", {})),
        *_fields(old.get("fields", {}), new.get("fields", {})),
        *_plain(old, new, ("extra", "max_event_bytes"), Effect.RESET),
        *_plain(old, new, ("description", "mode", "trigger", "archive"), Effect.COMPATIBLE),
        *_windows(old.get("windows", []), new.get("windows", [])),
        *_readings(old.get("readings"), new.get("readings")),
    ]


def _differing(old: Json, new: Json, names: Iterable[str] | None = None) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*old, *new]) if names is None else names:
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _plain(old: Json, new: Json, names: Iterable[str] | None, effect: Effect, place: str = "") -> Iterator[Change]:
    for name, was, now in _differing(old, new, names):
        yield Change(effect, f"`{place}{name}` was {_shown(was)} and is {_shown(now)}")


def _shown(value: object) -> str:
    return "not set" if value is None else f"`{value}`"


def _topic(old: Json, new: Json) -> Iterator[Change]:
    for name, was, now in _differing(old, new):
        fixed = name in ("name", "key", "partitions")
        way_out = ": declare a stream of another name with it" if fixed else ""
        effect = Effect.REFUSED if fixed else Effect.COMPATIBLE
        yield Change(effect, f"`topic.{name}` was {_shown(was)} and is {_shown(now)}{way_out}")


def _event_time(old: Json, new: Json) -> Iterator[Change]:
    yield from _plain(old, new, ("field", "unit", "lateness", "max_ahead"), Effect.RESET, "event_time.")
    yield from _plain(old, new, ("skew",), Effect.COMPATIBLE, "event_time.")


def _fields(old: Json, new: Json) -> Iterator[Change]:
    for name, was, now in _differing(old, new):
        if was is None and now["optional"]:
            yield Change(Effect.RESET, f"`fields.{name}` is new: events that have it already were judged without it")
        elif was is None:
            yield Change(Effect.RESET, f"`fields.{name}` is new and not optional: events that are there lack it")
        elif now is None:
            yield Change(Effect.RESET, f"`fields.{name}` is gone: events that are there have it")
        else:
            rules = [key for key in dict.fromkeys([*was, *now]) if key != "description"]
            yield from _plain(was, now, rules, Effect.RESET, f"fields.{name}.")
            yield from _plain(was, now, ("description",), Effect.COMPATIBLE, f"fields.{name}.")


def _windows(old: Iterable[Json], new: Iterable[Json]) -> Iterator[Change]:
    before = {window["table"]: window for window in old}
    after = {window["table"]: window for window in new}
    for table, was, now in _differing(before, after):
        if was is None:
            yield Change(Effect.COMPATIBLE, f"the window `{table}` is new")
        elif now is None:
            yield Change(Effect.COMPATIBLE, f"the window `{table}` is gone: its table stays as it is")
        else:
            yield from _window(table, was, now)


def _window(table: str, old: Json, new: Json) -> Iterator[Change]:
    for name, was, now in _differing(old, new, ("size", "slide", "group_by")):
        said = f"`{table}`: `{name}` was {_shown(was)} and is {_shown(now)}: give the window another `table`"
        yield Change(Effect.REFUSED, said)
    for name, was, now in _differing(old.get("select", {}), new.get("select", {})):
        if was is None:
            yield Change(Effect.COMPATIBLE, f"`{table}`: the column `{name}` is new")
        elif now is None:
            yield Change(Effect.COMPATIBLE, f"`{table}`: the column `{name}` is gone: it stays, and gets no values")
        else:
            said = f"`{table}`: `select.{name}` was {_shown(was)} and is {_shown(now)}: give it another name"
            yield Change(Effect.REFUSED, said)
    yield from _plain(old, new, ("top", "publish"), Effect.COMPATIBLE, f"{table}.")


def _readings(old: Json | None, new: Json | None) -> Iterator[Change]:
    if old and new and old["collection"] == new["collection"]:
        for name, was, now in _differing(old, new, ("id",)):
            said = f"`readings.{name}` was {_shown(was)} and is {_shown(now)}: give the readings another `collection`"
            yield Change(Effect.REFUSED, said)
    elif old != new:
        yield Change(Effect.COMPATIBLE, f"`readings` was {_shown(old)} and is {_shown(new)}")
