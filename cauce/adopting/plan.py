"""What is wrong with each topic's log, and what has to be done so that everything goes on: pure, from the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cauce.adopting.facts import Facts
from shared.contracts.topics import TopicAdopted
from shared.kafka.continuity import Log, Mark, broken, grown_again
from shared.kafka.incarnation import is_to_be_restored, mismatch
from shared.kafka.lag import GROUPS
from shared.kafka.records import Partition
from shared.streams.declaration import Stream
from shared.streams.topics import input_topic
from shared.topics import (
    CHUNKS_PROCESSED,
    DOCUMENTS_RAW,
    DOCUMENTS_STATUS,
    EMBEDDINGS_READY,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
    UPLOADS_RECEIVED,
)

CLOCKS_MS = 600_000
"""How far the clocks of those who write a topic may differ: so much more of it is read again."""
HOPS = frozenset(
    topic.name for topic in (UPLOADS_RECEIVED, DOCUMENTS_RAW, CHUNKS_PROCESSED, EMBEDDINGS_READY, DOCUMENTS_STATUS)
)
"""Where a loss may have taken a document that was on its way."""
ROWS = frozenset({PROCESSED_METRICS.name, PROCESSED_READINGS.name})
"""Where a loss may have taken rows that Spark doesn't write again by itself."""


@dataclass(frozen=True)
class Finding:
    """A topic whose log isn't the one that was read, or that the stores know. `losses` are sentences, `broken` are the
    marks that groups have left in the log of before."""

    topic: str
    losses: Sequence[str]
    broken: Mapping[str, Mapping[Partition, Mark]] = field(default_factory=dict)

    @property
    def since(self) -> int | None:
        """The timestamp, in ms since 1970, of the oldest of the last records that groups had read; None where one of
        them left none."""
        lasts = [mark.last for marks in self.broken.values() for mark in marks.values()]
        times = [last[1] for last in lasts if last is not None]
        return min(times) if times and len(times) == len(lasts) else None


def findings(facts: Facts, only: Sequence[str] = ()) -> list[Finding]:
    """Of these topics, or of all. That `topics.control` alone was lost is none: db_writer mends it."""
    found = [_finding(facts, topic) for topic in sorted(facts.look.identities) if topic in only or not only]
    return [finding for finding in found if finding.losses]


def _finding(facts: Facts, topic: str) -> Finding:
    topic_id, adopted, stored = facts.look.topic_id(topic), facts.look.adopted.get(topic), facts.stored.get(topic)
    said = None
    if not is_to_be_restored(topic_id, adopted, stored):
        said = mismatch(topic, topic_id, adopted, stored, facts.look.ends_of(topic))
    losses = [said] if said else []
    left: dict[str, dict[Partition, Mark]] = {}
    for group, partition, mark in _marks_of(facts, topic):
        if told := _broken(facts, group, partition, mark):
            losses.append(told)
            left.setdefault(group, {})[partition] = mark
    return Finding(topic, list(dict.fromkeys(losses)), left)


def _marks_of(facts: Facts, topic: str) -> Iterable[tuple[str, Partition, Mark]]:
    for group, marks in facts.marks.items():
        for partition, mark in sorted(marks.items()):
            if partition.topic == topic:
                yield group, partition, mark


def _broken(facts: Facts, group: str, partition: Partition, mark: Mark) -> str | None:
    kept, topic_id = facts.kept[partition], facts.look.topic_id(partition.topic) or ""
    said = broken(group, partition, mark, Log(topic_id, kept.start, kept.stop))
    return said or grown_again(group, partition, mark, facts.timestamps.get((group, partition)))


def new_marks(finding: Finding, facts: Facts, at: Mapping[Partition, int]) -> dict[str, dict[Partition, Mark]]:
    """Where each group goes on: in another log with its first record, in one that has lost its end with what may have
    come since. `at` has the offsets of the first records that are as new as `since`, less what clocks may differ; empty
    where that isn't known."""
    topic_id = facts.look.topic_id(finding.topic)

    def goes_on(partition: Partition, mark: Mark) -> Mark:
        kept = facts.kept[partition]
        another = mark.topic_id is not None and mark.topic_id != topic_id
        offset = kept.start if another else at.get(partition, kept.start)
        return Mark(max(kept.start, min(offset, mark.offset, kept.stop)), topic_id)

    return {
        group: {partition: goes_on(partition, mark) for partition, mark in marks.items()}
        for group, marks in finding.broken.items()
        if group in GROUPS  # a query goes on by a new epoch, whose marks are its own
    }


def adoption(finding: Finding, facts: Facts, now: datetime, reason: str | None) -> TopicAdopted:
    """The next incarnation of the topic, above the one in force and the one that the store knows."""
    adopted, stored = facts.look.adopted.get(finding.topic), facts.stored.get(finding.topic)
    known = [one.incarnation for one in (adopted, stored) if one is not None]
    return TopicAdopted(
        topic=finding.topic,
        topic_id=facts.look.topic_id(finding.topic) or "",
        incarnation=max(known, default=-1) + 1,
        since=now,
        adopted_at=now,
        reason=reason,
    )


def streams_to_reset(found: Sequence[Finding], streams: Sequence[Stream]) -> list[Stream]:
    """Those that have lost events, or rows on their way to the stores: they begin a new epoch."""
    topics = {finding.topic for finding in found}
    return [stream for stream in streams if topics & ROWS or input_topic(stream).name in topics]


def may_have_lost_documents(found: Sequence[Finding]) -> bool:
    """Whether what was accepted, and isn't finished, has to be put back."""
    return any(finding.topic in HOPS for finding in found)
