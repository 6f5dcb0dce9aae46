"""Dead letters: the original bytes and headers, plus `dlq_` headers that say who failed on it, where, and why.

A dead letter's identity is (consumer group, topic, partition, offset) of where the record first stood: a crash may
write it twice, and so does a redrive that fails again, with a greater `dlq_redrive_count`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.contracts.base import format_instant
from shared.errors import Code
from shared.kafka.records import PREFIX, Headers, Outgoing, Record

HEADER_LIMIT = 16 * 1024


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record is given up; `first_failed_at` is this process's clock at the first attempt that failed."""

    code: Code
    message: str
    attempts: int
    first_failed_at: datetime

    @property
    def told(self) -> str:
        """For the person who sent the record: a bug's traceback stays in the dead letter and the log."""
        if self.code is not Code.BUG:
            return self.message
        return "an unexpected error: the operator finds the details in the dead letters"


def dead_letter(record: Record, failure: Failure, *, group: str, service: str, dlq_topic: str) -> Outgoing:
    """The record to publish to the topic's `.dlq`. The message is cut so that all added headers stay under 16 KiB."""
    first = record.first
    facts = {
        "source_topic": first.partition.topic,
        "source_partition": str(first.partition.number),
        "source_offset": str(first.offset),
        "source_timestamp": str(first.timestamp),
        "consumer_group": group,
        "service": service,
        "stage": service,
        "error_code": failure.code.value,
        "attempts": str(failure.attempts),
        "first_failed_at": format_instant(failure.first_failed_at),
        "failed_at": format_instant(datetime.now(UTC)),
    } | ({"redrive_count": str(record.redrives)} if record.redrives else {})
    headers = tuple((PREFIX + name, value.encode()) for name, value in facts.items())
    room = HEADER_LIMIT - sum(len(name) + len(value) for name, value in headers) - 64
    message = failure.message.encode(errors="replace")[:room].decode(errors="ignore").encode()
    added = (*headers, (f"{PREFIX}error_message", message))
    value = b"" if record.key is None and record.value is None else record.value  # no client sends neither of the two
    return Outgoing(dlq_topic, record.key, value, (*_originals(record), *added))


def without_value(letter: Outgoing) -> Outgoing:
    """For a letter that no broker takes: the position says where the bytes still lie, for as long as they are kept."""
    size = str(len(letter.value or b"")).encode()
    return letter._replace(value=b"", headers=(*letter.headers, (f"{PREFIX}value_left_out_bytes", size)))


def _originals(record: Record) -> Headers:
    """A record that comes from a redrive carries the headers of its earlier failure: they are replaced, not doubled."""
    return tuple((name, value) for name, value in record.headers if not name.startswith(PREFIX))
