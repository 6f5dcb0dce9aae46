"""Records as values, free of any client library; headers after CloudEvents' Kafka binding and W3C Trace Context."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar
from uuid import uuid4

from shared.contracts.base import Event, format_instant
from shared.topics import Topic

E_co = TypeVar("E_co", bound=Event, covariant=True)
Headers = tuple[tuple[str, bytes], ...]
TARGET_GROUP = "dlq_target_group"
"""Of a dead letter that was put back: the only consumer group that handles it."""
PREFIX = "dlq_"
"""Of every header that is about a failure of the record, or its redrive."""
ACCEPT_TIME = "accept_time"
"""Behind the prefix: an operator has waived the rule of late and future for this redriven record."""
_DIGITS = 18
_RANDOM = 16 + 8
"""Bytes of a trace's id and of a span's."""
_DIGITS_OF_A_TRACE = 2 * _RANDOM
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class Partition(NamedTuple):
    topic: str
    number: int


class Record(NamedTuple):
    """A record as it was read; `timestamp` in milliseconds since 1970."""

    partition: Partition
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def position(self) -> str:
        """As `topic-partition-offset`, unique in the cluster for as long as the topic lives."""
        return f"{self.partition.topic}-{self.partition.number}-{self.offset}"

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp / 1000, UTC)

    @property
    def size(self) -> int:
        return len(self.key or b"") + len(self.value or b"") + 64

    def header(self, name: str) -> bytes | None:
        for key, value in self.headers:  # a generator takes three times as long, and this is asked of every record
            if key == name:
                return value
        return None

    @property
    def target_group(self) -> str | None:
        """Of a redriven record: the only consumer group that it is for."""
        return _text(self.header(TARGET_GROUP))

    @property
    def redrives(self) -> int:
        """How often it has come back from the dead letters; 0 where it is where its producer put it."""
        return _number(self.header(f"{PREFIX}redrive_count")) or 0 if self.target_group else 0

    @property
    def first(self) -> Record:
        """The same record where its producer put it. Versions, ids and times that must survive a redrive come from
        this one's partition, offset and timestamp; they are the record's own where it wasn't redriven."""
        return self._origin or self

    @property
    def accepts_time(self) -> bool:
        """Whether an operator put it back with the rule of late and future waived."""
        return self._origin is not None and self.header(PREFIX + ACCEPT_TIME) == b"true"

    @property
    def _origin(self) -> Record | None:
        """None where it was not put back to this same topic."""
        if not self.redrives or _text(self.header(f"{PREFIX}source_topic")) != self.partition.topic:
            return None
        names = ("source_partition", "source_offset", "source_timestamp")
        partition, offset, timestamp = (_number(self.header(PREFIX + name)) for name in names)
        if partition is None or offset is None or timestamp is None:
            return None
        return self._replace(partition=Partition(self.partition.topic, partition), offset=offset, timestamp=timestamp)


class Outgoing(NamedTuple):
    """A record to be written; the key chooses its partition."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Acknowledged(NamedTuple):
    """Where a record was written, as all in-sync replicas know. `broker` led the partition, and its clock gave the
    timestamp; None where the timestamp is the producer's."""

    partition: Partition
    offset: int
    timestamp: int
    broker: int | None = None


class Message(NamedTuple, Generic[E_co]):
    """A record together with what its value says."""

    record: Record
    event: E_co


class Emit(NamedTuple):
    """What a handler wants published: an event, and the record that caused it."""

    topic: Topic
    event: Event
    cause: Record | None = None


def encode(emits: Sequence[Emit], source: str, traceparent: bytes | None = None) -> list[Outgoing]:
    """The records for some events, in their order. `source` is the name of the service that speaks.

    `traceparent` is carried on by events without a cause, such as those that an HTTP request brought about.
    """
    now, randomness = format_instant(datetime.now(UTC)), secrets.token_hex(_RANDOM * len(emits))
    constants = {name: _constant(name, source, now) for name in {emit.topic.name for emit in emits}}
    ordinals: dict[tuple[Partition, int], int] = {}
    records = []
    for number, (topic, event, cause) in enumerate(emits):
        if cause is None:
            event_id, came_with = str(uuid4()), traceparent
        else:
            place = (cause.partition, cause.offset)
            ordinals[place] = ordinal = ordinals.get(place, -1) + 1
            event_id, came_with = _event_id(cause, topic.name, ordinal), cause.header("traceparent")
        digits = randomness[number * _DIGITS_OF_A_TRACE : (number + 1) * _DIGITS_OF_A_TRACE]
        headers = _headers(constants[topic.name], event_id, _carry_on(came_with, digits))
        records.append(Outgoing(topic.name, str(getattr(event, topic.key)).encode(), event.to_json(), headers))
    return records


def cloud_event(topic: str, source: str, event_id: str, time: str, trace: str) -> Headers:
    """The headers of an event; `time` as `2026-01-02T03:04:05.678Z`, `trace` as `trace_parent` gives it."""
    return _headers(_constant(topic, source, time), event_id, trace)


def _headers(constant: Headers, event_id: str, trace: str) -> Headers:
    return (*constant, ("ce_id", event_id.encode()), ("traceparent", trace.encode()))


@lru_cache(maxsize=1_024)
def _constant(topic: str, source: str, time: str) -> Headers:
    """What all events of a service on a topic at a time have in common."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", f"/cauce/{source}".encode()),
        ("ce_type", f"cauce.{topic}".encode()),
        ("ce_time", time.encode()),
        ("content-type", b"application/json"),
    )


def _event_id(cause: Record, topic: str, ordinal: int) -> str:
    """The cause and what it brought about, as `documents.raw-3-42>chunks.processed#0`: the same for the same cause, so
    that a reader can tell an event that a crash had published twice."""
    redrives = cause.redrives if cause.headers else 0
    position = f"{cause.first.position}~{redrives}" if redrives else cause.position
    return f"{position}>{topic}#{ordinal}"


def _text(value: bytes | None) -> str | None:
    return value.decode(errors="replace") if value else None


def _number(value: bytes | None) -> int | None:
    """None where it isn't one: headers may be anybody's."""
    return int(value) if value and value.isdigit() and len(value) <= _DIGITS else None


def trace_parent(came_with: bytes | None) -> str:
    """The same trace with a span of its own; a new trace where none came along that can be read."""
    return _carry_on(came_with, secrets.token_hex(_RANDOM))


def _carry_on(came_with: bytes | None, randomness: str) -> str:
    parts = _TRACE_PARENT.fullmatch(came_with.decode("ascii", "replace")) if came_with else None
    trace_id = parts[1] if parts and parts[1].strip("0") else randomness[:32]
    return f"00-{trace_id}-{randomness[32:]}-01"
