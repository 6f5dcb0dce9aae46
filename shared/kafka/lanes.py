"""Which records may be worked on at once: different keys in parallel, the records of one key one after the other."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable

from shared.contracts.base import Event
from shared.kafka.records import Message, Partition

Lane = tuple[Partition, Hashable]


def lane_of(message: Message[Event]) -> Lane:
    """A record without a key has no order to keep: its lane is its own."""
    record = message.record
    return (record.partition, record.key) if record.key is not None else (record.partition, record.offset)


class Lanes:
    """Waiting records by key. A lane from which a batch was taken stays shut until the batch is released.

    Topics take turns, and a batch is of one topic: what became of its records can be told by topic.
    """

    def __init__(self) -> None:
        self._waiting: dict[Lane, deque[Message[Event]]] = {}
        self._ready: dict[str, dict[Lane, None]] = {}
        self._shut: set[Lane] = set()
        self.records = 0
        self.bytes = 0

    def add(self, message: Message[Event]) -> None:
        lane = lane_of(message)
        queue = self._waiting.get(lane)
        if queue is None:
            self._waiting[lane] = deque((message,))
            if lane not in self._shut:
                self._open(lane)
        else:
            queue.append(message)
        self.records += 1
        self.bytes += message.record.size

    def _open(self, lane: Lane) -> None:
        self._ready.setdefault(lane[0].topic, {})[lane] = None

    def take(self, limit: int) -> list[Message[Event]]:
        """Up to `limit` records of the topic whose turn it is, longest-waiting lane first; shuts those lanes."""
        batch: list[Message[Event]] = []
        topic = next(iter(self._ready), None)
        if topic is None:
            return batch
        ready = self._ready.pop(topic)
        while ready and len(batch) < limit:
            lane = next(iter(ready))
            del ready[lane]
            self._shut.add(lane)
            self._move(lane, batch, limit)
        if ready:
            self._ready[topic] = ready
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
                self._open(lane)

    def by_topic(self) -> Counter[str]:
        """How many records wait."""
        counts: Counter[str] = Counter()
        for (partition, _), queue in self._waiting.items():
            counts[partition.topic] += len(queue)
        return counts

    def drop(self, partitions: frozenset[Partition]) -> list[Message[Event]]:
        """Forgets what waits of these partitions, and returns it: it is read again from the committed offset."""
        dropped: list[Message[Event]] = []
        for lane in [lane for lane in self._waiting if lane[0] in partitions]:
            dropped += self._waiting.pop(lane)
            self._shut_out(lane)
        self.records -= len(dropped)
        self.bytes -= sum(message.record.size for message in dropped)
        return dropped

    def _shut_out(self, lane: Lane) -> None:
        ready = self._ready.get(lane[0].topic, {})
        ready.pop(lane, None)
        if not ready:
            self._ready.pop(lane[0].topic, None)
