"""What was computed anew beside what is stored: the differences, key by key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

from shared.errors import Code
from shared.streams.recompute import CLOSE, Cell, CleanReading, Place, Row
from shared.streams.verdict import Value
from shared.tables import WindowTable

C = TypeVar("C", bound=str)

EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """`column` is empty where the whole row, reading or dead letter is on one side only; that of the other is None."""

    key: str
    column: str
    ours: object
    stored: object


@dataclass
class Comparison:
    """Of one table, collection or topic of dead letters. `older` can't be compared: the raw topic holds no longer all
    that it was made of. Of all differences the first are kept as examples."""

    name: str
    what: str
    compared: int = 0
    older: int = 0
    differing: int = 0
    examples: list[Difference] = field(default_factory=list)

    def note(self, differences: Sequence[Difference]) -> None:
        """Those of one row count once."""
        self.differing += bool(differences)
        self.examples += differences[: EXAMPLES - len(self.examples)]


def compare_rows(
    table: WindowTable, ours: Iterable[Row], stored: Iterable[tuple[Any, ...]], floor: datetime | None
) -> Comparison:
    """`stored` are rows in the order of the table's columns. Windows that begin before `floor` are `older`."""
    done = Comparison(table.name, "rows")
    waiting = {row.key: row for row in ours if floor is None or row.key[0] >= floor}  # type: ignore[operator]
    for cells in stored:
        key, values = cells[: len(table.key)], cells[len(table.key) :]
        if floor is not None and key[0] < floor:
            done.older += 1
            continue
        done.compared += 1
        row = waiting.pop(key, None)
        done.note([Difference(_text(key), "", None, _text(values))] if row is None else [*_row(table, row, values)])
    done.compared += len(waiting)
    for key, row in sorted(waiting.items(), key=itemgetter(0)):
        done.note([Difference(_text(key), "", _text(row.values), None)])
    return done


def _row(table: WindowTable, ours: Row, stored: tuple[Cell, ...]) -> Iterator[Difference]:
    for column, own, slack, found in zip(table.values, ours.values, ours.slack, stored, strict=True):
        if not _same(own, found, slack):
            yield Difference(_text(ours.key), column.name, own, found)


def _same(ours: Cell, stored: Cell, slack: float) -> bool:
    if isinstance(ours, float) and isinstance(stored, int | float):
        return math.isclose(ours, stored, rel_tol=CLOSE, abs_tol=slack)
    return ours == stored


def _text(cells: Iterable[Cell]) -> str:
    return " | ".join(cell.isoformat() if isinstance(cell, datetime) else str(cell) for cell in cells)


def compare_readings(
    collection: str,
    fields: Sequence[str],
    ours: Mapping[str, CleanReading],
    stored: Iterable[Mapping[str, Any]],
    kept: Mapping[int, range],
) -> Comparison:
    """`stored` are documents; those of records outside `kept` (offsets by partition) are `older`, or newer than what
    was read."""
    done = Comparison(collection, "readings")
    seen: set[str] = set()
    for document in stored:
        name = document["_id"]
        own = ours.get(name)
        partition, offset = _position(document)
        if own is not None:
            seen.add(name)
        if offset not in kept.get(partition, range(0)):
            done.older += offset < kept.get(partition, range(0)).start
            continue
        done.compared += 1
        done.note([Difference(name, "", None, dict(document))] if own is None else [*_reading(fields, own, document)])
    missing = ours.keys() - seen if len(seen) < len(ours) else set()
    done.compared += len(missing)
    for name in sorted(missing):
        done.note([Difference(name, "", ours[name].values, None)])
    return done


def _position(document: Mapping[str, Any]) -> Place:
    _, partition, offset = document["position"].rsplit("-", 2)
    return int(partition), int(offset)


def _reading(fields: Sequence[str], ours: CleanReading, stored: Mapping[str, Any]) -> Iterator[Difference]:
    for name, own in zip(fields, ours.values, strict=True):
        found = stored.get(name)
        if not _same_value(own, found):
            yield Difference(stored["_id"], name, own, found)


def _same_value(ours: Value | None, stored: object) -> bool:
    """A number is the same whether it was written as 5 or as 5.0; `true` is no number."""
    return ours == stored and isinstance(ours, bool) == isinstance(stored, bool)


def _within(letters: Mapping[Place, C], kept: Mapping[int, range]) -> dict[Place, C]:
    """A redriven record may still be there when the place where it first stood is not."""
    return {place: code for place, code in letters.items() if place[1] in kept.get(place[0], range(0))}


def compare_letters(
    topic: str, ours: Mapping[Place, Code], stored: Mapping[Place, str], kept: Mapping[int, range]
) -> Comparison:
    """The codes of refused records by (partition, offset), folded: a crash may write a dead letter twice."""
    done = Comparison(topic, "dead letters")
    computed, within = _within(ours, kept), _within(stored, kept)
    done.older = sum(offset < kept.get(partition, range(0)).start for partition, offset in stored)
    for place in sorted(computed.keys() | within.keys()):
        own, found = computed.get(place), within.get(place)
        done.compared += 1
        done.note([Difference(f"{place[0]}-{place[1]}", "code", own, found)] if own != found else [])
    return done
