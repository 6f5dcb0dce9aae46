"""A dead letter as the person on call sees it, and its name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.errors import CauceError
from shared.kafka.records import PREFIX, Headers, Partition, Record

LONGEST_SHOWN = 500
_NAME = re.compile(r"([!-.0-~]+)/([!-.0-~]+)/([0-9]{1,10})/([0-9]{1,19})")
"""Kafka's numbers have 32 and 64 bits."""


class NoIdentity(CauceError, ValueError):
    """A text that names no dead letter."""


class Identity(NamedTuple):
    """Who failed, and where the record first stood."""

    group: str
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.group}/{self.topic}/{self.partition}/{self.offset}"

    @staticmethod
    def parse(text: str) -> Identity:
        """Raises NoIdentity."""
        if found := _NAME.fullmatch(text):
            group, topic, partition, offset = found.groups()
            return Identity(group, topic, int(partition), int(offset))
        shown = text[:200].encode(errors="backslashreplace").decode()
        raise NoIdentity(f"a dead letter is called `group/topic/partition/offset`, not `{shown}`")


@dataclass(frozen=True, slots=True)
class Letter:
    """What its headers say. `redrives` is how often the record had come back when it failed this time, `place` where
    the letter lies in its `.dlq` topic; `value_left_out` says that the topic could not take the bytes. The message is
    cut: `Opened` has all of it."""

    identity: Identity
    redrives: int
    service: str
    stage: str
    code: str
    message: str
    attempts: int
    first_failed_at: datetime
    failed_at: datetime
    recorded_at: datetime
    key: bytes | None
    size: int
    value_left_out: bool
    place: tuple[Partition, int]

    @property
    def failures(self) -> int:
        return self.redrives + 1

    @property
    def key_text(self) -> str | None:
        return None if self.key is None else self.key.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Opened:
    """A letter with its content: `headers` are the record's own, `message` is the whole one."""

    letter: Letter
    value: bytes | None
    headers: Headers
    message: str

    @property
    def document(self) -> object:
        """The value as JSON; None where it is none."""
        return parsed(self.value)

    @property
    def document_id(self) -> str | None:
        """Of the document that the record is about, where it says so."""
        found = self.document.get("document_id") if isinstance(self.document, dict) else None
        return found if isinstance(found, str) else None


def parsed(value: bytes | None) -> Any:
    """None where it is no JSON, or could not be written as such again."""
    try:
        found = json.loads(value or b"")
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return found


def read(record: Record) -> Letter | None:
    """None for a record that nobody of ours has written: its headers don't say where it comes from."""
    try:
        return _read(record)
    except (ValueError, OverflowError, KeyError):
        return None


def _read(record: Record) -> Letter:
    facts = _facts(record)
    group, topic, partition, offset = (facts.get(name, "") for name in _IDENTITY)
    return Letter(
        identity=Identity.parse(f"{group}/{topic}/{partition}/{offset}"),
        redrives=int(facts.get("redrive_count", 0)),
        service=facts.get("service", ""),
        stage=facts.get("stage", ""),
        code=facts.get("error_code", ""),
        message=facts.get("error_message", "")[:LONGEST_SHOWN],
        attempts=int(facts.get("attempts", 1)),
        first_failed_at=_time(facts.get("first_failed_at"), record),
        failed_at=_time(facts.get("failed_at"), record),
        recorded_at=datetime.fromtimestamp(int(facts["source_timestamp"]) / 1000, UTC),
        key=record.key,
        size=len(record.value or b""),
        value_left_out="value_left_out_bytes" in facts,
        place=(record.partition, record.offset),
    )


_IDENTITY = ("consumer_group", "source_topic", "source_partition", "source_offset")


def opened(letter: Letter, record: Record) -> Opened:
    """`record` is the one at the letter's place."""
    own = tuple((name, value) for name, value in record.headers if not name.startswith(PREFIX))
    return Opened(letter, record.value, own, _facts(record).get("error_message", ""))


def _facts(record: Record) -> dict[str, str]:
    """The headers that say what happened, by their names without the prefix."""
    return {
        name.removeprefix(PREFIX): (value or b"").decode(errors="replace")
        for name, value in record.headers
        if name.startswith(PREFIX)
    }


def _time(text: str | None, record: Record) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC) if text else record.time
