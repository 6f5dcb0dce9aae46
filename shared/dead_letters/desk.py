"""Where dead letters are read: the book kept up to date with Kafka, and the content of letters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.dead_letters.book import UNDONE, Book, Entry, Wanted
from shared.dead_letters.letters import Identity, Letter, Opened, opened
from shared.dead_letters.mending import Unmendable
from shared.errors import Transient
from shared.kafka.questions import Questions
from shared.kafka.records import Partition, Record
from shared.topics import DLQ_ACTIONS, Topic

ACTIONS = Partition(DLQ_ACTIONS.name, 0)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Entries in the order in which they are to be acted upon; `missing` were asked for by name and aren't there.
    `known_until` is the offset in `dlq.actions` up to which they are known."""

    entries: Sequence[Entry]
    missing: Sequence[Identity]
    known_until: int


class Desk:
    """Safe for concurrent use within one process. Every method raises Transient where Kafka is away."""

    def __init__(self, questions: Questions, topics: Sequence[Topic], most: int | None = None) -> None:
        """`topics` are those that have dead letters; of each only the newest `most` are known, or all."""
        self.questions = questions
        self._most = most
        self._topics = {topic.name: topic for topic in topics}
        self._book = Book()
        self._read_until: dict[Partition, int] = {}
        self._lock = asyncio.Lock()

    def limit_of(self, topic: str) -> int:
        """Its `max.message.bytes`."""
        return self._topics[topic].max_message_bytes

    async def book(self) -> Book:
        """As of now."""
        async with self._lock:
            await self._catch_up()
            return self._book

    async def choose(self, wanted: Wanted, limit: int | None = None) -> Chosen:
        """The oldest first, at most `limit` of those about which something can be done."""
        async with self._lock:
            await self._catch_up()
            entries = sorted(self._book.entries(wanted), key=_oldest_first)
            missing = [name for name in sorted(wanted.identities or ()) if self._book.get(name) is None]
            return Chosen(_at_most(limit, entries), missing, self._read_until.get(ACTIONS, 0))

    async def _catch_up(self) -> None:
        there = await self.questions.ranges([ACTIONS.topic, *(topic.dlq.name for topic in self._topics.values())])
        if ACTIONS not in there:
            raise Transient(f"kafka: topic `{ACTIONS.topic}` is not there: run `cauce topics apply`")
        held = {place: self._newest(place, kept) for place, kept in there.items()}
        new = {place: range(max(self._read_until.get(place, 0), kept.start), kept.stop) for place, kept in held.items()}
        wanted = {place: offsets for place, offsets in new.items() if offsets}
        if wanted:
            await self.questions.read(wanted, self._take)
        self._read_until |= {place: offsets.stop for place, offsets in wanted.items()}
        self._book.forget(held)

    def _newest(self, place: Partition, kept: range) -> range:
        first = kept.start if self._most is None or place == ACTIONS else kept.stop - self._most
        return range(max(kept.start, first), kept.stop)

    def _take(self, records: Sequence[Record]) -> bool:
        """What was read before an outage stays read."""
        self._book.take(records)
        self._read_until |= {record.partition: record.offset + 1 for record in records}
        return True

    async def open(self, letters: Sequence[Letter]) -> list[Opened]:
        """With their content; one whose place retention has reached meanwhile is left out."""
        wanted = {letter.place: letter for letter in letters}
        found: dict[Identity, Opened] = {}
        for record in await self.records(_spans(wanted)):
            if letter := wanted.get((record.partition, record.offset)):
                found[letter.identity] = opened(letter, record)
        return [found[letter.identity] for letter in letters if letter.identity in found]

    async def whole(self, content: Opened | None) -> Opened:
        """A letter that had to leave its value out gets it from where the record first stood. Raises Unmendable."""
        if content is None:
            raise Unmendable("it is no longer kept")
        if not content.letter.value_left_out:
            return content
        identity = content.letter.identity
        place = Partition(identity.topic, identity.partition)
        held = (await self.questions.ranges([identity.topic])).get(place, range(0))
        if content.letter.redrives or identity.offset not in held:
            raise Unmendable("its bytes were too many for the dead letters, and are no longer where it first stood")
        [record] = await self.records({place: range(identity.offset, identity.offset + 1)})
        return Opened(content.letter, record.value, content.headers, content.message)

    async def records(self, stretch: Mapping[Partition, range]) -> list[Record]:
        """All of them at once."""
        found: list[Record] = []

        def take(records: Sequence[Record]) -> bool:
            found.extend(records)
            return True

        wanted = {place: offsets for place, offsets in stretch.items() if offsets}
        if wanted:
            await self.questions.read(wanted, take)
        return found


def _oldest_first(entry: Entry) -> tuple[Partition, int]:
    """In the order of the dead letters: those that are read together lie together, and keys keep their order."""
    return entry.letter.place


def _at_most(limit: int | None, entries: Sequence[Entry]) -> list[Entry]:
    undone = [entry.identity for entry in entries if entry.state in UNDONE][:limit]
    chosen = set(undone)
    return [entry for entry in entries if entry.identity in chosen or entry.state not in UNDONE]


def _spans(places: Mapping[tuple[Partition, int], Letter]) -> dict[Partition, range]:
    spans: dict[Partition, range] = {}
    for partition, offset in places:
        known = spans.get(partition, range(offset, offset + 1))
        spans[partition] = range(min(known.start, offset), max(known.stop, offset + 1))
    return spans
