"""Which log each topic is, kept beside the versions in MongoDB: what is to be done where Kafka, `topics.control` and
the store are compared. Pure; `keeper.py` asks them and does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.contracts.documents import DocumentStatus
from shared.contracts.topics import StoredLog, TopicAdopted, incarnation_of, offset_of
from shared.kafka.continuity import ADVICE
from shared.kafka.incarnation import is_to_be_restored, mismatch

RESTORED = "`topics.control` was lost: restored from what the store says"
UNKNOWN_ID = "unknown"
"""Stands for the log that versions came from which nobody has recorded. It is no topic's id."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Put `log` into the store, unless what is there isn't `instead_of` any more."""

    log: StoredLog
    instead_of: StoredLog | None


@dataclass(frozen=True, slots=True)
class Publish:
    """Say in `topics.control` that the store knows."""

    record: TopicAdopted


@dataclass(frozen=True, slots=True)
class Missing:
    """The topic, or the record of it, is not there yet: `cauce topics apply` makes both."""

    why: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A person has to look: nothing is done."""

    why: str


Action = Keep | Publish | Missing | Mismatch


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one topic: Kafka's id of it and where its partitions end, the record in force, and the store's
    word. `greatest` is the greatest version that documents have where this is the topic of their uploads."""

    topic: str
    topic_id: str | None
    ends: Mapping[int, int]
    adopted: TopicAdopted | None
    stored: StoredLog | None
    greatest: int | None = None


def decide(known: Standing, now: datetime) -> Action | None:
    """What brings the store and `topics.control` together; None where they agree. `Keep` is followed by another
    decision."""
    adopted, stored = known.adopted, known.stored
    if stored is not None and is_to_be_restored(known.topic_id, adopted, stored):
        return Publish(_restored(stored, adopted, now))
    if known.topic_id is None or adopted is None:
        return Missing(mismatch(known.topic, known.topic_id, adopted, stored, known.ends) or "")
    if told := mismatch(known.topic, known.topic_id, adopted, stored, known.ends):
        return Mismatch(f"{told}: {ADVICE}")
    if stored is None or stored.incarnation < adopted.incarnation:
        return Keep(_kept(known, adopted), stored)
    return None if adopted.stored else Publish(adopted.model_copy(update={"stored": True}))


def _restored(stored: StoredLog, adopted: TopicAdopted | None, now: datetime) -> TopicAdopted:
    return TopicAdopted(
        topic=stored.topic,
        topic_id=stored.topic_id,
        incarnation=stored.incarnation,
        since=adopted and adopted.since,
        stored=True,
        adopted_at=now,
        reason=RESTORED,
    )


def _kept(known: Standing, adopted: TopicAdopted) -> StoredLog:
    """What is in force; but where nothing was stored yet and a document's version lies above all that this log can
    have made, the log that made it, so that the loss is seen from now on."""
    in_force = StoredLog(topic=known.topic, topic_id=adopted.topic_id, incarnation=adopted.incarnation)
    if known.stored is not None or known.greatest is None:
        return in_force
    made_in, end = incarnation_of(known.greatest), offset_of(known.greatest) + 1
    longest = max(known.ends, key=lambda number: known.ends[number], default=0)
    if made_in > adopted.incarnation:
        return StoredLog(topic=known.topic, topic_id=UNKNOWN_ID, incarnation=made_in, ends={longest: end})
    if made_in == adopted.incarnation and end > known.ends.get(longest, 0):
        return in_force.model_copy(update={"ends": {longest: end}})
    return in_force


def ends_of(statuses: Iterable[DocumentStatus]) -> dict[int, dict[int, int]]:
    """By incarnation and partition: the offset after the greatest that one of these versions was made of."""
    found: dict[int, dict[int, int]] = {}
    for status in statuses:
        if status.partition is not None:
            ends = found.setdefault(incarnation_of(status.version), {})
            ends[status.partition] = max(ends.get(status.partition, 0), offset_of(status.version) + 1)
    return found
