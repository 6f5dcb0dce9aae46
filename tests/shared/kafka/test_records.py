"""How events become records."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.contracts.documents import DocumentStatus, Stage, State
from shared.kafka.records import Emit, Partition, Record, encode, trace_parent
from shared.topics import DOCUMENTS_STATUS
from tests.redriven import redriven

STATUS = DocumentStatus(
    document_id="d",
    company_id="c",
    version=1,
    state=State.PROCESSING,
    stage=Stage.DOCPROC,
    at=datetime.now(UTC),
    content_sha256="0" * 64,
)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def cause(offset: int = 7) -> Record:
    return Record(Partition("documents.raw", 0), offset, 0, b"d", b"{}", (("traceparent", TRACE.encode()),))


def ids(*emits: Emit) -> list[bytes]:
    return [dict(record.headers)["ce_id"] for record in encode(emits, "docproc")]


def test_key_comes_from_the_declaration() -> None:
    """The record's key is the field that its topic declares, so that order per document holds."""
    (record,) = encode([Emit(DOCUMENTS_STATUS, STATUS)], "docproc")
    assert record.key == b"d"
    assert record.topic == "documents.status"
    assert DocumentStatus.model_validate_json(record.value or b"") == STATUS


def test_headers_are_cloudevents() -> None:
    """A record says what it is in CloudEvents' binary mode."""
    (record,) = encode([Emit(DOCUMENTS_STATUS, STATUS)], "docproc")
    headers = dict(record.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"cauce.documents.status"
    assert headers["ce_source"] == b"/cauce/docproc"
    assert headers["content-type"] == b"application/json"


def test_event_ids_repeat_with_their_cause() -> None:
    """The same cause gives the same ids in a replay, whatever else is in the batch; two events never share one."""
    alone = ids(Emit(DOCUMENTS_STATUS, STATUS, cause(7)), Emit(DOCUMENTS_STATUS, STATUS, cause(7)))
    among = ids(
        Emit(DOCUMENTS_STATUS, STATUS, cause(6)),
        Emit(DOCUMENTS_STATUS, STATUS, cause(7)),
        Emit(DOCUMENTS_STATUS, STATUS, cause(7)),
    )
    assert among[1:] == alone
    assert len(set(among)) == 3


def test_trace_is_carried_on() -> None:
    """A hop keeps the trace and makes a span of its own; without a readable trace a new one begins."""
    (record,) = encode([Emit(DOCUMENTS_STATUS, STATUS, cause())], "docproc")
    carried = dict(record.headers)["traceparent"].decode()
    assert carried.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert carried != TRACE
    assert len(trace_parent(b"rubbish").split("-")[1]) == 32


def test_a_redriven_record_knows_where_it_first_stood() -> None:
    """For whom it is, how often it came back, and partition, offset and timestamp as they were."""
    record = cause()
    again = redriven(redriven(record), times=2, group="docproc")
    assert (record.target_group, record.redrives, record.first) == (None, 0, record)
    assert (again.target_group, again.redrives) == ("docproc", 2)
    assert (again.first.position, again.first.timestamp) == (record.position, record.timestamp)
    assert again.position != record.position


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dlq_target_group", b""),
        ("dlq_redrive_count", b"0"),
        ("dlq_redrive_count", b"x"),
        ("dlq_source_topic", b"other"),
        ("dlq_source_partition", b""),
        ("dlq_source_offset", b"-7"),
        ("dlq_source_timestamp", b"9" * 19),
    ],
)
def test_headers_that_make_no_sense_do_not_count(name: str, value: bytes) -> None:
    """They may be anybody's: such a record stands where it stands."""
    again = redriven(cause())
    other = again._replace(headers=tuple((key, value if key == name else kept) for key, kept in again.headers))
    assert other.first is other


def test_a_redrive_that_was_written_twice_gives_the_same_ids() -> None:
    """But other ones than the first time, when other events may have come of it."""
    first, second = redriven(cause()), redriven(cause(), later=2000)
    assert ids(Emit(DOCUMENTS_STATUS, STATUS, first)) == ids(Emit(DOCUMENTS_STATUS, STATUS, second))
    assert ids(Emit(DOCUMENTS_STATUS, STATUS, first)) != ids(Emit(DOCUMENTS_STATUS, STATUS, cause()))
    assert ids(Emit(DOCUMENTS_STATUS, STATUS, first)) != ids(Emit(DOCUMENTS_STATUS, STATUS, redriven(cause(), times=2)))
