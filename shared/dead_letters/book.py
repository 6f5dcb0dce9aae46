"""The dead letters and what was done about them, folded: one entry for each identity, whatever was written twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shared.contracts.dead_letters import Action, DeadLetterAction
from shared.dead_letters.letters import Identity, Letter, read
from shared.kafka.records import Partition, Record
from shared.topics import DLQ_ACTIONS


class State(StrEnum):
    """`unfinished`: a redrive was begun, and nobody has said yet that the record is where it belongs."""

    OPEN = "open"
    UNFINISHED = "unfinished"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


UNDONE = frozenset({State.OPEN, State.UNFINISHED})


@dataclass(frozen=True, slots=True)
class Entry:
    """A dead letter and the newest that was done about it."""

    letter: Letter
    action: DeadLetterAction | None = None

    @property
    def identity(self) -> Identity:
        return self.letter.identity

    @property
    def state(self) -> State:
        """What was done before the record failed again is history: then it is open once more."""
        action, failed = self.action, self.letter.redrives
        if action is None or action.redrives < failed + (action.action is not Action.DISCARDED):
            return State.OPEN
        return _STATES[action.action]


_STATES = {
    Action.REDRIVE: State.UNFINISHED,
    Action.REDRIVEN: State.REDRIVEN,
    Action.DISCARDED: State.DISCARDED,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: those for which everything holds that isn't None. `topic` may be given as its `.dlq`, `since` and
    `until` are about the newest failure, the latter exclusive; `key` is the record's, such as a document_id."""

    topic: str | None = None
    code: str | None = None
    service: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    states: frozenset[State] | None = None
    identities: frozenset[Identity] | None = None

    def takes(self, entry: Entry) -> bool:
        letter = entry.letter
        return (
            (self.topic is None or self.topic.removesuffix(".dlq") == letter.identity.topic)
            and (self.code is None or self.code == letter.code)
            and (self.service is None or self.service == letter.service)
            and (self.key is None or self.key == letter.key_text)
            and (self.since is None or letter.failed_at >= self.since)
            and (self.until is None or letter.failed_at < self.until)
            and (self.states is None or entry.state in self.states)
            and (self.identities is None or entry.identity in self.identities)
        )


class Kind(NamedTuple):
    """What statistics are grouped by."""

    topic: str
    code: str
    service: str


@dataclass(slots=True)
class Tally:
    """Of one kind. `oldest` is the time of the first failure among those that are open or unfinished."""

    states: Counter[State]
    oldest: datetime | None = None

    def add(self, entry: Entry) -> None:
        self.states[entry.state] += 1
        if entry.state in UNDONE:
            at = entry.letter.first_failed_at
            self.oldest = min(self.oldest, at) if self.oldest else at


class Book:
    """Takes records of `.dlq` topics and of `dlq.actions`; those of one topic in their order, else in any."""

    def __init__(self) -> None:
        self._letters: dict[Identity, Letter] = {}
        self._actions: dict[Identity, DeadLetterAction] = {}
        self.unreadable = 0
        """Records in the `.dlq` topics that don't say where they come from: nothing can be done about them here."""

    def take(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.partition.topic == DLQ_ACTIONS.name:
                self._take_action(record)
            else:
                self._take_letter(record)

    def _take_action(self, record: Record) -> None:
        if action := read_action(record):
            self._actions[Identity.parse(action.identity)] = action

    def _take_letter(self, record: Record) -> None:
        letter = read(record)
        if letter is None:
            self.unreadable += 1
            return
        known = self._letters.setdefault(letter.identity, letter)
        if known is letter:
            return
        newest = letter if letter.redrives >= known.redrives else known
        first = min(letter.first_failed_at, known.first_failed_at)
        self._letters[letter.identity] = replace(newest, first_failed_at=first)

    def forget(self, kept: Mapping[Partition, range]) -> None:
        """Letters that retention has removed, with what was done about them; of partitions that aren't named, none."""
        gone = [
            identity
            for identity, letter in self._letters.items()
            if (held := kept.get(letter.place[0])) is not None and letter.place[1] < held.start
        ]
        for identity in gone:
            del self._letters[identity]
        self._actions = {name: action for name, action in self._actions.items() if name in self._letters}

    def get(self, identity: Identity) -> Entry | None:
        letter = self._letters.get(identity)
        return Entry(letter, self._actions.get(identity)) if letter else None

    def entries(self, wanted: Wanted) -> list[Entry]:
        """The newest failure first."""
        return sorted(self._some(wanted), key=_newest_first, reverse=True)

    def _some(self, wanted: Wanted) -> Iterator[Entry]:
        every = (Entry(letter, self._actions.get(identity)) for identity, letter in self._letters.items())
        return filter(wanted.takes, every)

    def stats(self, wanted: Wanted) -> dict[Kind, Tally]:
        """In alphabetical order."""
        found: dict[Kind, Tally] = {}
        for entry in self._some(wanted):
            letter = entry.letter
            kind = Kind(letter.identity.topic, letter.code, letter.service)
            found.setdefault(kind, Tally(Counter())).add(entry)
        return dict(sorted(found.items()))


def _newest_first(entry: Entry) -> tuple[datetime, Identity]:
    return entry.letter.failed_at, entry.identity


def read_action(record: Record) -> DeadLetterAction | None:
    """None for one that isn't ours."""
    try:
        action = DeadLetterAction.model_validate_json(record.value or b"")
        Identity.parse(action.identity)
    except ValueError:
        return None
    return action
