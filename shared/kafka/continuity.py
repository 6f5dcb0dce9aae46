"""Whether a topic's log is still the one that a consumer group has read: what is compared, and what is said.

With each commit the group leaves a mark: the topic's id, and the timestamp of the last record below the offset. A log
that was lost and has grown again beyond the offset holds another record there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.kafka.records import Partition

ADVICE = "`cauce topics adopt` shows what is lost, and how to go on"
_MARK = re.compile(r"(?P<topic_id>[0-9a-f-]{36})(?:/(?P<offset>\d{1,18})/(?P<timestamp>\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a group has committed of a partition. `last` is the offset and the timestamp, in ms since 1970, of the last
    record below `offset` that the group has read; an older release left neither that nor the topic's id."""

    offset: int
    topic_id: str | None = None
    last: tuple[int, int] | None = None

    @property
    def metadata(self) -> str:
        """As it is committed beside the offset; `parse` reads it."""
        if self.topic_id is None:
            return ""
        return self.topic_id if self.last is None else f"{self.topic_id}/{self.last[0]}/{self.last[1]}"

    @classmethod
    def parse(cls, offset: int, metadata: str) -> Mark:
        """What isn't ours, such as another tool's commit, says nothing about the log."""
        found = _MARK.fullmatch(metadata)
        if found is None:
            return cls(offset)
        last = (int(found["offset"]), int(found["timestamp"])) if found["offset"] else None
        return cls(offset, found["topic_id"], last)


@dataclass(frozen=True, slots=True)
class Log:
    """A partition as the broker has it: from the first offset kept to the one after the last."""

    topic_id: str
    start: int
    end: int


def broken(group: str, partition: Partition, mark: Mark, log: Log) -> str | None:
    """Why going on at the mark would skip or repeat records in silence; None where nothing speaks against it."""
    place = f"{partition.topic}-{partition.number}"
    if mark.topic_id is not None and mark.topic_id != log.topic_id:
        return another_topic(partition.topic, group)
    if mark.offset > log.end:
        return f"{place} ends at {log.end}, but `{group}` had read up to {mark.offset}: the end of the log is lost"
    if mark.offset < log.start:
        unread = log.start - mark.offset
        return (
            f"{place} begins at {log.start}, but `{group}` had only read up to {mark.offset}: "
            f"{unread} records were removed unread"
        )
    return None


def grown_again(group: str, partition: Partition, mark: Mark, timestamp: int | None) -> str | None:
    """`timestamp` is that of the record at `mark.last` now; None where there is none, which compaction may explain."""
    if mark.last is None or timestamp is None or timestamp == mark.last[1]:
        return None
    place = f"{partition.topic}-{partition.number}"
    return f"{place} has another record at {mark.last[0]} than `{group}` had read: its end was lost, and grew again"


def another_topic(topic: str, group: str) -> str:
    """The sentence about a topic of the same name and another id."""
    return f"`{topic}` is another topic than `{group}` had read: it was made anew, or Kafka's data was lost"
