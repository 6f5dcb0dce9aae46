from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from shared.contracts.metrics import MetricRow
from shared.tables import TABLES
from streaming import chunk_counts

RECORDED = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ABSENT = object()


def event(**changes: object) -> bytes:
    fields = {
        "chunk_id": "c1",
        "document_id": "d1",
        "company_id": "acme",
        "received_at": "2026-01-02T03:04:05.678Z",
        "version": 7,
        "vector": "AACAPw==",
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not ABSENT}).encode()


def kafka(spark: SparkSession, values: Iterable[bytes | None]) -> DataFrame:
    rows = [(None if value is None else bytearray(value), RECORDED) for value in values]
    return spark.createDataFrame(rows, "value binary, timestamp timestamp")


def transform(spark: SparkSession, values: Iterable[bytes | None]) -> list[Row]:
    return chunk_counts.transform(kafka(spark, values), watermark=DAY, max_ahead=MINUTE, epoch=3).collect()


def counts(spark: SparkSession, values: Iterable[bytes | None]) -> dict[str, object]:
    rows = [row for row in transform(spark, values) if row.topic == "processed.metrics.v1"]
    return {row.key.removeprefix("chunk_counts_1m|"): json.loads(row.value)["chunk_count"] for row in rows}


@pytest.fixture(scope="module")
def published(spark: SparkSession) -> dict[str, Row]:
    """What one chunk brings forth, by topic."""
    return {row.topic: row for row in transform(spark, [event()])}


def test_counts_per_company_and_minute_of_upload(spark: SparkSession) -> None:
    """Each company has its own count in each minute of `received_at`, the window's start included, its end not."""
    values = [
        event(chunk_id="a", received_at="2026-01-02T03:04:00.000Z"),
        event(chunk_id="b", received_at="2026-01-02T03:04:59.999Z"),
        event(chunk_id="c", received_at="2026-01-02T03:05:00.000Z"),
        event(chunk_id="d", company_id="Acme"),
    ]
    assert counts(spark, values) == {
        "2026-01-02T03:04:00.000Z|acme": 2,
        "2026-01-02T03:05:00.000Z|acme": 1,
        "2026-01-02T03:04:00.000Z|Acme": 1,
    }


def test_a_repeated_chunk_counts_once(spark: SparkSession) -> None:
    """The same chunk of the same upload counts once, however often it was published."""
    assert counts(spark, [event()] * 3) == {"2026-01-02T03:04:00.000Z|acme": 1}


def test_a_chunk_of_another_upload_counts_again(spark: SparkSession) -> None:
    """The same chunk with another `received_at` counts again, in one minute too."""
    values = [event(), event(received_at="2026-01-02T03:04:05.679Z")]
    assert counts(spark, values) == {"2026-01-02T03:04:00.000Z|acme": 2}


def test_spellings_of_one_moment_are_one(spark: SparkSession) -> None:
    """What the contract reads as one moment, to the millisecond, is one here."""
    values = [
        event(),
        event(received_at="2026-01-02T04:04:05.678+01:00"),
        event(received_at="2026-01-02T03:04:05.6789Z"),
    ]
    assert counts(spark, values) == {"2026-01-02T03:04:00.000Z|acme": 1}


def test_rows_for_both_topics(published: dict[str, Row]) -> None:
    """Outsiders get the window keyed by company, db_writer the same row with its table and epoch."""
    window = {"window_start": "2026-01-02T03:04:00.000Z", "window_end": "2026-01-02T03:05:00.000Z"}
    row = {**window, "company_id": "acme", "chunk_count": 1}
    table = {"_table_name": "chunk_counts_1m", "_epoch": 3}
    assert {topic: (record.key, json.loads(record.value)) for topic, record in published.items()} == {
        "analytics.flink": ("acme", row),
        "processed.metrics.v1": ("chunk_counts_1m|2026-01-02T03:04:00.000Z|acme", table | row),
    }


def test_rows_fit_their_contract_and_table(published: dict[str, Row]) -> None:
    """A row is a `MetricRow` whose columns are exactly those of its table."""
    row = MetricRow.model_validate_json(published["processed.metrics.v1"].value)
    assert set(row.columns) == {column.name for column in TABLES[row.table].columns}


def test_headers_name_the_event(published: dict[str, Row]) -> None:
    """Records carry CloudEvents headers, and the id tells one count of a window from the next."""
    headers = published["analytics.flink"].headers
    assert {header.key: bytes(header.value).decode() for header in headers} == {
        "ce_specversion": "1.0",
        "ce_id": "chunk_counts_1m|2026-01-02T03:04:00.000Z|acme|1",
        "ce_source": "/cauce/streaming",
        "ce_type": "cauce.analytics.flink",
        "content-type": "application/json",
    }


INVALID = {
    "no value": None,
    "empty": b"",
    "not JSON": b"nope",
    "cut off": event()[:-5],
    "not UTF-8": b"\xff\xfe{",
    "a list": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "no chunk_id": event(chunk_id=ABSENT),
    "no document_id": event(document_id=ABSENT),
    "no company_id": event(company_id=ABSENT),
    "no version": event(version=ABSENT),
    "no received_at": event(received_at=ABSENT),
    "chunk_id is a number": event(chunk_id=5),
    "company_id is null": event(company_id=None),
    "company_id is an object": event(company_id={"a": 1}),
    "version is text": event(version="7"),
    "version is a fraction": event(version=7.5),
    "version is a boolean": event(version=True),
    "version is negative": event(version=-1),
    "version is beyond 64 bits": event(version=2**70),
    "received_at is a number": event(received_at=1767323045678),
    "received_at is no time": event(received_at="yesterday"),
    "received_at is a date": event(received_at="2026-01-02"),
    "received_at has no zone": event(received_at="2026-01-02T03:04:05.678"),
    "received_at has month 13": event(received_at="2026-13-02T03:04:05.678Z"),
    "received_at is in the far future": event(received_at="2126-01-02T03:04:05.678Z"),
    "received_at is just too far ahead": event(received_at="2026-01-02T03:06:00.001Z"),
}


@pytest.fixture(scope="module")
def verdicts(spark: SparkSession) -> dict[str, bool]:
    """Each invalid value's verdict, by what is wrong with it; one Spark job for all."""
    rows = chunk_counts.parse(kafka(spark, INVALID.values()).coalesce(1), MINUTE).collect()
    return dict(zip(INVALID, (row.valid for row in rows), strict=True))


@pytest.mark.parametrize("wrong", INVALID)
def test_invalid_rows_are_told(verdicts: dict[str, bool], wrong: str) -> None:
    """A value that breaks the contract is invalid, and reading it raises nothing."""
    assert verdicts[wrong] is False


def test_invalid_rows_are_left_out(spark: SparkSession) -> None:
    """Invalid rows neither count nor keep valid ones from counting."""
    assert counts(spark, [event(), *INVALID.values()]) == {"2026-01-02T03:04:00.000Z|acme": 1}


def test_an_upload_may_lie_a_little_ahead(spark: SparkSession) -> None:
    """Clocks of two brokers differ: `max_ahead` after the record's own time is still valid."""
    assert counts(spark, [event(received_at="2026-01-02T03:06:00.000Z")]) == {"2026-01-02T03:06:00.000Z|acme": 1}
