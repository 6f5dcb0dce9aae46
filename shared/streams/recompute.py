"""Windows, clean readings and refusals from raw records, in plain Python: what Spark's results are held against.

Events are folded into panes, the greatest stretches of time that no window of a grouping cuts, so that a sliding window
costs no more per event than a tumbling one. What stays in memory is a few hundred bytes per pane and group, per
reading, and per refused record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.contracts.base import format_instant
from shared.errors import Code
from shared.kafka.records import Record
from shared.streams.declaration import Stream, Type, Window
from shared.streams.expressions import Aggregate, Function, Template
from shared.streams.plan import Kind, query_plans
from shared.streams.units import milliseconds
from shared.streams.verdict import LONG, Refused, Value, instant, judge_record

Cell = str | int | float | datetime | None
Key = tuple[Cell, ...]
Place = tuple[int, int]
"""Partition and offset."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Row:
    """Of a window table, in the order of its columns, times in UTC without a zone. `slack` says for each value by how
    much another order of the same additions may change it."""

    key: Key
    values: tuple[Cell, ...]
    slack: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CleanReading:
    """`values` in the order of the declared fields, None where one isn't there."""

    time: int
    offset: int
    values: tuple[Value | None, ...]


class Recomputation:
    """What one stream's records amount to. The order of the records doesn't matter."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.records = 0
        self.readings: dict[str, CleanReading] = {}
        self.refused: dict[Place, Code] = {}
        self._redrives: dict[Place, int] = {}
        self._group = f"streaming.{stream.name}"
        plans = [plan for plan in query_plans(stream) if plan.kind is Kind.WINDOWS]
        self._groupings = [_Grouping(stream, plan.windows) for plan in plans]
        self._fields = [_reading_value(name, field.type) for name, field in stream.fields.items()]
        own_id = stream.readings.id if stream.readings else None
        self._id = _text_value(stream, own_id) if own_id else None

    def feed(self, record: Record) -> None:
        """A record that was redriven for another group is not this stream's."""
        if record.target_group not in {None, self._group}:
            return
        self.records += 1
        verdict = judge_record(self.stream, record)
        if isinstance(verdict, Refused):
            self._refuse(record, verdict.code)
            return
        for grouping in self._groupings:
            grouping.add(verdict.time, verdict.event)
        if self.stream.readings is not None:
            self._keep(record, verdict.time, verdict.event)

    def _refuse(self, record: Record, code: Code) -> None:
        """Under its first position; of one that was redriven the last refusal counts."""
        place = (record.first.partition.number, record.first.offset)
        if record.redrives >= self._redrives.get(place, 0):
            self._redrives[place] = record.redrives
            self.refused[place] = code

    def _keep(self, record: Record, time: int, event: Mapping[str, Value]) -> None:
        """Of two readings with one id the later event stays, then the greater offset."""
        name = self._id(event) if self._id else record.position
        before = self.readings.get(name)
        if before is None or (time, record.offset) >= (before.time, before.offset):
            self.readings[name] = CleanReading(time, record.offset, tuple([value(event) for value in self._fields]))

    def rows(self, window: Window) -> Iterator[Row]:
        """The rows of a window's table, in no order."""
        return next(grouping.rows(window) for grouping in self._groupings if window in grouping.windows)


class _Grouping:
    """Windows that differ only in their bounds: same group columns, same aggregates."""

    def __init__(self, stream: Stream, windows: Sequence[Window]) -> None:
        self.windows = windows
        self._pane = math.gcd(*(milliseconds(window.step) for window in windows))
        self._group = _group_of(stream, windows[0].group_by)
        self._layout = _Layout(stream, windows[0].select.values())
        self._panes: dict[tuple[Any, ...], list[Any]] = {}

    def add(self, time: int, event: Mapping[str, Value]) -> None:
        place = (time - time % self._pane, *self._group(event))
        state = self._panes.get(place)
        if state is None:
            state = self._panes[place] = self._layout.empty()
        self._layout.fold(state, event)

    def rows(self, window: Window) -> Iterator[Row]:
        size = milliseconds(window.size)
        results = [self._layout.result(aggregate) for aggregate in window.select.values()]
        names = list(window.group_by)
        for (start, *group), state in self._windows(size, milliseconds(window.step)):
            cells = dict(zip(names, group, strict=True))
            found = [result(state) for result in results]
            yield Row(
                (moment(start), moment(start + size), *cells.values()),
                tuple(value for value, _ in found),
                tuple(slack for _, slack in found),
            )

    def _windows(self, size: int, step: int) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
        if size == self._pane:
            yield from self._panes.items()
            return
        merged: dict[tuple[Any, ...], list[Any]] = {}
        for (pane, *group), state in self._panes.items():
            for start in range(pane - pane % step, pane - size, -step):
                place = (start, *group)
                if place not in merged:
                    merged[place] = self._layout.empty()
                self._layout.merge(merged[place], state)
        yield from merged.items()


class _Layout:
    """The state of one pane as a flat list: the count; per number [n, sum, min, max]; per `count_distinct` a set."""

    def __init__(self, stream: Stream, aggregates: Iterable[Aggregate]) -> None:
        chosen = list(aggregates)
        numbers = dict.fromkeys(a.fields[0] for a in chosen if a.function in _OVER_NUMBERS)
        sets = dict.fromkeys(a.fields for a in chosen if a.function is Function.COUNT_DISTINCT)
        self._numbers = [(1 + 4 * i, name, stream.fields[name].type is Type.DOUBLE) for i, name in enumerate(numbers)]
        self._sets = [(1 + 4 * len(numbers) + i, _plain(stream, fields)) for i, fields in enumerate(sets)]
        self._place = {name: place for place, name, _ in self._numbers}
        self._place_of_set = dict(zip(sets, (place for place, _ in self._sets), strict=True))

    def empty(self) -> list[Any]:
        return [0, *([0, 0, math.inf, -math.inf] * len(self._numbers)), *(set() for _ in self._sets)]

    def fold(self, state: list[Any], event: Mapping[str, Any]) -> None:
        state[0] += 1
        for place, name, is_double in self._numbers:
            value = event.get(name)
            if value is not None:
                value = float(value) if is_double else value
                state[place] += 1
                state[place + 1] += value
                if value < state[place + 2]:  # noqa: PLR1730 half the time of min()
                    state[place + 2] = value
                if value > state[place + 3]:  # noqa: PLR1730
                    state[place + 3] = value
        for place, values in self._sets:
            state[place].add(values(event))

    def merge(self, state: list[Any], other: list[Any]) -> None:
        state[0] += other[0]
        for place, _, _ in self._numbers:
            state[place] += other[place]
            state[place + 1] += other[place + 1]
            state[place + 2] = min(state[place + 2], other[place + 2])
            state[place + 3] = max(state[place + 3], other[place + 3])
        for place, _ in self._sets:
            state[place] |= other[place]

    def result(self, aggregate: Aggregate) -> Callable[[list[Any]], tuple[Cell, float]]:
        """What an aggregate says of a state, and its slack; None where no event had the field."""
        if aggregate.function is Function.COUNT:
            return lambda state: (state[0], 0.0)
        if aggregate.function is Function.COUNT_DISTINCT:
            of_set = self._place_of_set[aggregate.fields]
            return lambda state: (len(state[of_set]), 0.0)
        place = self._place[aggregate.fields[0]]
        number = _OVER_NUMBERS[aggregate.function]
        return lambda state: number(*state[place : place + 4]) if state[place] else (None, 0.0)


def _slack(least: float, most: float) -> float:
    return CLOSE * max(abs(least), abs(most))


def _held(number: float, slack: float) -> tuple[Cell, float]:
    """None for what no column can hold."""
    fits = number in LONG if isinstance(number, int) else math.isfinite(number)
    return (number, slack) if fits else (None, 0.0)


_OVER_NUMBERS: dict[Function, Callable[[int, float, float, float], tuple[Cell, float]]] = {
    Function.SUM: lambda n, total, least, most: _held(
        total, 0.0 if isinstance(total, int) else n * _slack(least, most)
    ),
    Function.AVG: lambda n, total, least, most: _held(total / n, _slack(least, most)),
    Function.MIN: lambda _n, _total, least, _most: (least, 0.0),
    Function.MAX: lambda _n, _total, _least, most: (most, 0.0),
}


def moment(time: int) -> datetime:
    """Of milliseconds since 1970: in UTC, without a zone, as DATETIME holds it."""
    return (_EPOCH + timedelta(milliseconds=time)).replace(tzinfo=None)


def _group_of(stream: Stream, group_by: Mapping[str, Template]) -> Callable[[Mapping[str, Value]], tuple[Cell, ...]]:
    columns = [_column(stream, template) for template in group_by.values()]
    if not columns:
        return lambda _event: ()
    if len(columns) == 1:
        only = columns[0]
        return lambda event: (only(event),)
    return lambda event: tuple([column(event) for column in columns])


def _column(stream: Stream, template: Template) -> Callable[[Mapping[str, Value]], Cell]:
    if template.alone is not None:
        return _value(stream, template.alone)
    parts = [_text_value(stream, part) if is_field else part for is_field, part in template.parts]
    return lambda event: "".join([part if isinstance(part, str) else part(event) for part in parts])


def _reading_value(name: str, kind: Type) -> Callable[[Mapping[str, Value]], Value | None]:
    """A field as a reading holds it: times in UTC, to the millisecond."""
    if kind is Type.TIMESTAMP:
        return lambda event: _iso(event[name]) if name in event else None
    return lambda event: event.get(name)


def _iso(text: Value) -> str:
    return format_instant(_EPOCH + timedelta(milliseconds=instant(str(text)) or 0))


def _text_value(stream: Stream, field: str) -> Callable[[Mapping[str, Value]], str]:
    """A field in a template, as Spark writes it into a string."""
    match stream.fields[field].type:
        case Type.DOUBLE:
            return lambda event: _double_text(float(event[field]))
        case Type.BOOLEAN:
            return lambda event: "true" if event[field] else "false"
        case Type.TIMESTAMP:
            return lambda event: _iso(event[field])
        case _:
            return lambda event: str(event[field])


def _value(stream: Stream, field: str) -> Callable[[Mapping[str, Value]], Cell]:
    """A field as its column holds it."""
    match stream.fields[field].type:
        case Type.DOUBLE:
            return lambda event: float(event[field])
        case Type.TIMESTAMP:
            return lambda event: moment(instant(str(event[field])) or 0)
        case Type.BOOLEAN:
            return lambda event: int(event[field])
        case _:
            return lambda event: event[field]


def _plain(stream: Stream, fields: Sequence[str]) -> Callable[[Mapping[str, Value]], object]:
    """What is counted once."""
    columns = [_value(stream, field) for field in fields]
    if len(columns) == 1:
        return columns[0]
    return lambda event: tuple([column(event) for column in columns])


def _double_text(value: float) -> str:
    """As Java does: with a point, and from 10^7 and below 10^-3 with an exponent."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *others = map(str, digits)
    return f"{'-' * sign}{first}.{''.join(others) or '0'}E{len(others) + int(exponent)}"
