"""Which records may be worked on at once: different keys in parallel, the records of one key one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

from shared.contracts.base import Event
from shared.kafka.records import Message, Partition

Lane = tuple[Partition, Hashable]


def lane_of(message: Message[Event]) -> Lane:
    """A record without a key has no order to keep: its lane is its own."""
    record = message.record
    return (record.partition, record.key) if record.key is not None else (record.partition, record.offset)


class Lanes:
    """Waiting records by key. A lane from which a batch was taken stays shut until the batch is released."""

    def __init__(self) -> None:
        self._waiting: dict[Lane, deque[Message[Event]]] = {}
        self._ready: dict[Lane, None] = {}
        self._shut: set[Lane] = set()
        self.records = 0
        self.bytes = 0

    def add(self, message: Message[Event]) -> None:
        lane = lane_of(message)
        self._waiting.setdefault(lane, deque()).append(message)
        if lane not in self._shut:
            self._ready[lane] = None
        self.records += 1
        self.bytes += message.record.size

    def take(self, limit: int) -> list[Message[Event]]:
        """Up to `limit` records of open lanes, longest-waiting lane first; shuts those lanes."""
        batch: list[Message[Event]] = []
        while self._ready and len(batch) < limit:
            lane = next(iter(self._ready))
            del self._ready[lane]
            self._shut.add(lane)
            self._move(lane, batch, limit)
        return batch

    def _move(self, lane: Lane, batch: list[Message[Event]], limit: int) -> None:
        queue = self._waiting[lane]
        while queue and len(batch) < limit:
            message = queue.popleft()
            self.records -= 1
            self.bytes -= message.record.size
            batch.append(message)
        if not queue:
            del self._waiting[lane]

    def release(self, batch: Iterable[Message[Event]]) -> None:
        """Opens the lanes of a batch that is done, or given back."""
        for lane in {lane_of(message) for message in batch}:
            self._shut.discard(lane)
            if lane in self._waiting:
                self._ready[lane] = None

    def drop(self, partitions: frozenset[Partition]) -> None:
        """Forgets what waits of these partitions: another member reads it from the committed offset."""
        for lane in [lane for lane in self._waiting if lane[0] in partitions]:
            for message in self._waiting.pop(lane):
                self.records -= 1
                self.bytes -= message.record.size
            self._ready.pop(lane, None)
