"""Records as values, free of any client library; headers after CloudEvents' Kafka binding and W3C Trace Context."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import uuid4, uuid5

from shared.contracts.base import Event, format_instant
from shared.contracts.ids import NAMESPACE
from shared.topics import Topic

E_co = TypeVar("E_co", bound=Event, covariant=True)
Headers = tuple[tuple[str, bytes], ...]
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class Partition(NamedTuple):
    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Record:
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
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written; the key chooses its partition."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Acknowledged(NamedTuple):
    """Where a record was written, as all in-sync replicas know."""

    partition: Partition
    offset: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Message(Generic[E_co]):
    """A record together with what its value says."""

    record: Record
    event: E_co


@dataclass(frozen=True, slots=True)
class Emit:
    """What a handler wants published: an event, and the record that caused it."""

    topic: Topic
    event: Event
    cause: Record | None = None


def encode(emits: Sequence[Emit], source: str, traceparent: bytes | None = None) -> list[Outgoing]:
    """The records for some events, in their order. `source` is the name of the service that speaks.

    `traceparent` is carried on by events without a cause, such as those that an HTTP request brought about.
    """
    ordinals: Counter[str | None] = Counter()
    records = []
    for emit in emits:
        cause = emit.cause.position if emit.cause else None
        records.append(_encode(emit, ordinals[cause], source, traceparent))
        ordinals[cause] += 1
    return records


def _encode(emit: Emit, ordinal: int, source: str, traceparent: bytes | None) -> Outgoing:
    return Outgoing(
        topic=emit.topic.name,
        key=str(getattr(emit.event, emit.topic.key)).encode(),
        value=emit.event.model_dump_json(by_alias=True).encode(),
        headers=_headers(emit, ordinal, source, traceparent),
    )


def _headers(emit: Emit, ordinal: int, source: str, traceparent: bytes | None) -> Headers:
    came_with = emit.cause.header("traceparent") if emit.cause else traceparent
    time = format_instant(datetime.now(UTC))
    return cloud_event(emit.topic.name, source, _event_id(emit, ordinal), time, trace_parent(came_with))


def cloud_event(topic: str, source: str, event_id: str, time: str, trace: str) -> Headers:
    """The headers of an event; `time` as `2026-01-02T03:04:05.678Z`, `trace` as `trace_parent` gives it."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", f"/cauce/{source}".encode()),
        ("ce_type", f"cauce.{topic}".encode()),
        ("ce_time", time.encode()),
        ("content-type", b"application/json"),
        ("traceparent", trace.encode()),
    )


def _event_id(emit: Emit, ordinal: int) -> str:
    """The same for the same cause, so that a reader can tell an event that a crash had published twice."""
    if emit.cause is None:
        return str(uuid4())
    return str(uuid5(NAMESPACE, f"{emit.cause.position}>{emit.topic.name}#{ordinal}"))


def trace_parent(came_with: bytes | None) -> str:
    """The same trace with a span of its own; a new trace where none came along that can be read."""
    parts = _TRACE_PARENT.fullmatch((came_with or b"").decode("ascii", "replace"))
    trace_id = parts[1] if parts and parts[1].strip("0") else secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"
