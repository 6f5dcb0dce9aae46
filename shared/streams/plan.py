"""Which queries Spark runs for a stream, how many task slots each needs, and what its state depends on.

    clean      stateless: bad events to the dead letters, good ones to `processed.readings.v1` where they are wanted
    windows    one per grouping, with all its windows: rows to `processed.metrics.v1` the moment they change
    published  one per grouping that is published: the same rows for other people's topics, every 10 s

In Real-Time Mode all tasks of a query run at once, so that each needs a slot for every partition it reads and for every
partition of its state. They are asked for anew with each batch, and where one is taken by somebody else just then, the
query fails: so there are as many slots as all queries could ever use together. An idle one costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import groupby

from shared.streams.declaration import Mode, Stream, Window
from shared.streams.topics import input_topic
from shared.topics import Topic

PUBLISH_EVERY = timedelta(seconds=10)


class Kind(StrEnum):
    """What a query is for."""

    CLEAN = "clean"
    WINDOWS = "windows"
    PUBLISHED = "published"


@dataclass(frozen=True)
class QueryPlan:
    """One query of one stream. `windows` share their grouping: group columns and aggregates."""

    name: str
    kind: Kind
    stream: Stream
    windows: tuple[Window, ...]
    mode: Mode
    trigger: timedelta
    """Between micro-batches, where `mode` says so."""

    @property
    def stateful(self) -> bool:
        return self.kind is not Kind.CLEAN

    def slots(self, shuffle_partitions: int) -> int:
        """How many tasks of this query may run at once; in Real-Time Mode they must. Catching up takes no more."""
        partitions = input_topic(self.stream).partitions
        if self.mode is Mode.MICRO_BATCH:
            return max(partitions, shuffle_partitions)
        return partitions + (shuffle_partitions if self.stateful else 0)

    def watermark(self) -> timedelta | None:
        """How long after the newest event a window's state is kept; None for as long as the checkpoint lives.

        It only bounds the state: what is late is decided per event (shared/streams/verdict.py).
        """
        time = self.stream.event_time
        if time.lateness is None:
            return None
        longest = max((window.size for window in self.windows), default=timedelta(0))
        return time.lateness + time.max_ahead + time.skew + longest

    def fingerprint(self, shuffle_partitions: int, epoch: int) -> str:
        """Of all that the meaning and the form of its state depend on; another fingerprint has another checkpoint."""
        state = self._state(shuffle_partitions, epoch)
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]

    def _state(self, shuffle_partitions: int, epoch: int) -> dict[str, object]:
        topic = input_topic(self.stream)
        if not self.stateful:
            readings = self.stream.readings and self.stream.readings.model_dump(mode="json")
            return {"layout": LAYOUT, "topic": topic.name, "epoch": epoch, "readings": readings}
        return {
            "layout": LAYOUT,
            "topic": topic.name,
            "epoch": epoch,
            "shuffle_partitions": shuffle_partitions,
            "windows": [window.model_dump(mode="json", exclude={"top", "publish"}) for window in self.windows],
            "types": {name: self.stream.fields[name].type for name in sorted(_fields(self.windows))},
        }


LAYOUT = 1
"""Of the state. Raise it with the code that makes the state, so that an old checkpoint is not read as the new one's."""


def query_plans(stream: Stream) -> tuple[QueryPlan, ...]:
    """Named `<stream>.clean`, `<stream>.windows.<first table>` and `<stream>.published.<first table>`."""
    clean = QueryPlan(f"{stream.name}.clean", Kind.CLEAN, stream, (), stream.mode, stream.trigger)
    windows = [_windows_plan(stream, members) for members in _groupings(stream.windows)]
    published = [_published_plan(stream, members) for members in _groupings([w for w in stream.windows if w.publish])]
    return (clean, *windows, *published)


def marks_group(plan: QueryPlan, epoch: int) -> str:
    """The consumer group, without members, in which a query says how far it has read its topic under an epoch."""
    return f"streaming.{plan.name}.{epoch}"


def slots(streams: Iterable[Stream], shuffle_partitions: int, archived: Iterable[Topic] = ()) -> int:
    """How many tasks all queries may run at once, those that write `archived` topics to files included."""
    plans = [plan for stream in streams for plan in query_plans(stream)]
    files = sum(max(topic.partitions, shuffle_partitions) for topic in archived)
    return sum(plan.slots(shuffle_partitions) for plan in plans) + files


def _groupings(windows: Sequence[Window]) -> list[tuple[Window, ...]]:
    """Windows of the same group columns and the same aggregates need one query: they differ only in their bounds."""
    ordered = sorted(windows, key=_grouping)
    return [tuple(members) for _, members in groupby(ordered, key=_grouping)]


def _grouping(window: Window) -> str:
    dumped = window.model_dump(mode="json", include={"group_by", "select"})
    return json.dumps([sorted(dumped["group_by"].items()), sorted(dumped["select"].items())])


def _windows_plan(stream: Stream, windows: tuple[Window, ...]) -> QueryPlan:
    name = f"{stream.name}.windows.{_group_name(windows)}"
    return QueryPlan(name, Kind.WINDOWS, stream, windows, stream.mode, stream.trigger)


def _published_plan(stream: Stream, windows: tuple[Window, ...]) -> QueryPlan:
    name = f"{stream.name}.published.{_group_name(windows)}"
    return QueryPlan(name, Kind.PUBLISHED, stream, windows, Mode.MICRO_BATCH, PUBLISH_EVERY)


def _group_name(windows: Sequence[Window]) -> str:
    """By its first table, which no other grouping has."""
    return windows[0].table


def _fields(windows: Iterable[Window]) -> set[str]:
    """All fields that the windows read."""
    grouped = {field for window in windows for template in window.group_by.values() for field in template.fields}
    return grouped | {field for window in windows for a in window.select.values() for field in a.fields}
