"""What a dead letter carries."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.errors import Code
from shared.kafka.deadletters import HEADER_LIMIT, Failure, dead_letter
from shared.kafka.records import Partition, Record
from tests.redriven import redriven

RECORD = Record(
    Partition("documents.raw", 3),
    42,
    1_700_000_000_000,
    b"key",
    b"\x00value",
    (("ce_id", b"1"), ("dlq_attempts", b"9")),
)
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def letter(message: str) -> dict[str, bytes]:
    failure = Failure(Code.CORRUPT, message, 2, WHEN)
    made = dead_letter(RECORD, failure, group="docproc", service="docproc", dlq_topic="documents.raw.dlq")
    assert (made.key, made.value, made.topic) == (RECORD.key, RECORD.value, "documents.raw.dlq")
    assert len({name for name, _ in made.headers}) == len(made.headers)
    return dict(made.headers)


def test_says_who_failed_where_and_why() -> None:
    """Every fact that an operator needs is a header, and the record's own headers are kept."""
    headers = letter("the file is damaged")
    assert headers["ce_id"] == b"1"
    assert headers["dlq_source_topic"] == b"documents.raw"
    assert headers["dlq_source_partition"] == b"3"
    assert headers["dlq_source_offset"] == b"42"
    assert headers["dlq_source_timestamp"] == b"1700000000000"
    assert headers["dlq_consumer_group"] == b"docproc"
    assert headers["dlq_error_code"] == b"corrupt"
    assert headers["dlq_error_message"] == b"the file is damaged"
    assert headers["dlq_attempts"] == b"2"
    assert headers["dlq_first_failed_at"] == b"2026-01-02T03:04:05.678Z"


def test_headers_stay_under_their_limit() -> None:
    """A message of any length is cut, between characters, so that the added headers fit 16 KiB."""
    headers = letter("é" * 50_000)
    added = sum(len(name) + len(value) for name, value in headers.items() if name.startswith("dlq_"))
    assert added <= HEADER_LIMIT
    assert set(headers["dlq_error_message"].decode()) == {"é"}


def test_a_bug_is_told_without_its_traceback() -> None:
    """The person who sent the record is not shown the inside of the program."""
    assert "Traceback" not in Failure(Code.BUG, "Traceback (most recent call last)", 3, WHEN).told
    assert Failure(Code.EMPTY, "no text", 1, WHEN).told == "no text"


def test_a_record_of_nothing_becomes_a_letter_that_can_be_written() -> None:
    """No client sends a record with neither key nor value, so the letter's value is empty instead."""
    nothing = RECORD._replace(key=None, value=None)
    failure = Failure(Code.INVALID_MESSAGE, "nothing in it", 1, WHEN)
    made = dead_letter(nothing, failure, group="g", service="s", dlq_topic="t.dlq")
    assert (made.key, made.value) == (None, b"")


def test_one_that_fails_again_keeps_its_first_position_and_counts_on() -> None:
    """So it is the same dead letter; for whom it was redriven is no longer said."""
    failure = Failure(Code.CORRUPT, "still damaged", 1, WHEN)
    again = redriven(RECORD, times=3, group="docproc")
    made = dead_letter(again, failure, group="docproc", service="docproc", dlq_topic="documents.raw.dlq")
    headers = dict(made.headers)
    assert len(headers) == len(made.headers)
    assert (headers["dlq_source_partition"], headers["dlq_source_offset"]) == (b"3", b"42")
    assert (headers["dlq_source_timestamp"], headers["dlq_redrive_count"]) == (b"1700000000000", b"3")
    assert "dlq_target_group" not in headers
    assert "dlq_redrive_count" not in letter("the file is damaged")
