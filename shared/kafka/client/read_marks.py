"""What a member of a group remembers of the records it was handed, so that each commit can name the last below it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from shared.kafka.records import Partition, Record


class _Stretch(NamedTuple):
    offsets: list[int]
    timestamps: list[int]


class ReadMarks:
    """By partition, the offsets and timestamps of what was read and is not committed yet, and of the last that is."""

    def __init__(self) -> None:
        self._stretches: defaultdict[Partition, deque[_Stretch]] = defaultdict(deque)

    def read(self, records: Iterable[Record]) -> None:
        """In the order in which they were fetched."""
        for partition, some in groupby(records, attrgetter("partition")):
            self._add(partition, list(some))

    def _add(self, partition: Partition, records: Sequence[Record]) -> None:
        stretches = self._stretches[partition]
        if stretches and records[0].offset <= stretches[-1].offsets[-1]:
            stretches.clear()  # it went back, to be read again
        stretches.append(_Stretch([record.offset for record in records], [record.timestamp for record in records]))

    def last_below(self, partition: Partition, offset: int) -> tuple[int, int] | None:
        """The offset and the timestamp of the last record below `offset`; None where none was read. What lies before it
        is forgotten: commits only go forward."""
        stretches = self._stretches[partition]
        while len(stretches) > 1 and stretches[1].offsets[0] < offset:
            stretches.popleft()
        if not stretches:
            return None
        place = bisect_left(stretches[0].offsets, offset) - 1
        return None if place < 0 else (stretches[0].offsets[place], stretches[0].timestamps[place])
