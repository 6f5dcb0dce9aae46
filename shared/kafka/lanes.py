"""Which records may be worked on at once: different keys in parallel, the records of one key one after the other."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from shared.contracts.base import Event
from shared.kafka.records import Message, Partition

Messages = list[Message[Event]]


class Lanes:
    """Waiting records by partition. A key from which a batch has records is shut until the batch is released.

    Topics take turns, and within a topic its partitions; a batch is of one topic: what became of its records can be
    told by topic.
    """

    def __init__(self) -> None:
        self._queues: dict[Partition, _Queue] = {}
        self._ready: dict[str, dict[Partition, None]] = {}
        self.records = 0
        self.bytes = 0

    def add(self, partition: Partition, messages: Sequence[Message[Event]]) -> None:
        """In the order of their offsets."""
        queue = self._queues.get(partition)
        if queue is None:
            queue = self._queues[partition] = _Queue()
        queue.arrived.extend(messages)
        self._open(partition)
        self.records += len(messages)
        self.bytes += _bytes(messages)

    def _open(self, partition: Partition) -> None:
        self._ready.setdefault(partition.topic, {})[partition] = None

    def take(self, limit: int) -> Messages:
        """Up to `limit` records of the topic whose turn it is, and shuts their keys; none when all wait for others."""
        batch: Messages = []
        while self._ready and not batch:
            topic = next(iter(self._ready))
            turns = self._ready.pop(topic)
            while turns and len(batch) < limit:
                partition = next(iter(turns))
                del turns[partition]
                if self._queues[partition].take(batch, limit):
                    turns[partition] = None
            if turns:
                self._ready[topic] = turns
        self.records -= len(batch)
        self.bytes -= _bytes(batch)
        return batch

    def release(self, batch: Iterable[Message[Event]]) -> None:
        """Opens the keys of a batch that is done, or given back."""
        for message in batch:
            partition = message.record.partition
            if self._queues[partition].release(message.record.key):
                self._open(partition)

    def by_topic(self) -> Counter[str]:
        """How many records wait."""
        counts: Counter[str] = Counter()
        for partition, queue in self._queues.items():
            counts[partition.topic] += len(queue)
        return counts

    def drop(self, partitions: frozenset[Partition]) -> Messages:
        """Forgets what waits of these partitions, and returns it: it is read again from the committed offset."""
        dropped = [message for place in partitions & self._queues.keys() for message in self._queues[place].drop()]
        for partition in partitions:
            ready = self._ready.get(partition.topic, {})
            ready.pop(partition, None)
            if not ready:
                self._ready.pop(partition.topic, None)
        self.records -= len(dropped)
        self.bytes -= _bytes(dropped)
        return dropped


class _Queue:
    """What waits of one partition: as it `arrived`, or `parked` by key behind a batch that has records of that key.

    A record without a key has no order to keep.
    """

    def __init__(self) -> None:
        self.arrived: deque[Message[Event]] = deque()
        self._parked: dict[bytes, deque[Message[Event]]] = {}
        self._freed: dict[bytes, None] = {}
        self._shut: set[bytes] = set()

    def __len__(self) -> int:
        return len(self.arrived) + sum(map(len, self._parked.values()))

    def take(self, batch: Messages, limit: int) -> bool:
        """Fills the batch up to `limit`; whether there may be more to take."""
        taken = self._take_freed(batch, limit)
        while self.arrived and len(batch) < limit:
            message = self.arrived.popleft()
            key = message.record.key
            if key in self._shut:
                self._parked.setdefault(key, deque()).append(message)
                continue
            batch.append(message)
            if key is not None:
                taken.add(key)
        self._shut |= taken
        return bool(self.arrived or self._freed)

    def _take_freed(self, batch: Messages, limit: int) -> set[bytes]:
        """What has waited longest: parked records whose key is open again."""
        taken: set[bytes] = set()
        while self._freed and len(batch) < limit:
            key = next(iter(self._freed))
            del self._freed[key]
            taken.add(key)
            parked = self._parked[key]
            while parked and len(batch) < limit:
                batch.append(parked.popleft())
            if not parked:
                del self._parked[key]
        return taken

    def release(self, key: bytes | None) -> bool:
        """Whether something waited for that."""
        if key not in self._shut:
            return False
        self._shut.remove(key)
        if key not in self._parked:
            return False
        self._freed[key] = None
        return True

    def drop(self) -> Messages:
        """What is shut stays so: its batch may still be under way."""
        dropped = [*self.arrived, *(message for parked in self._parked.values() for message in parked)]
        self.arrived.clear()
        self._parked.clear()
        self._freed.clear()
        return dropped


def _bytes(messages: Iterable[Message[Event]]) -> int:
    return sum(message.record.size for message in messages)
