from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import Column, Row, SparkSession
from pyspark.sql import functions as fn

from shared.errors import Code
from shared.streams.declaration import Stream, Type
from shared.streams.verdict import Refused, judge_record
from streaming.records import HEADERS
from streaming.validate import validated
from tests.suites.verdicts import CASES, Case, streams


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> dict[str, Row]:
    """What Spark decided of each case, by its name; one job for each stream."""
    return {row.name: row for stream in streams().values() for row in _judged(spark, stream)}


def _judged(spark: SparkSession, stream: Stream) -> list[Row]:
    cases = [case for case in CASES if case.stream == stream.name]
    values = [
        (
            case.name,
            stream.topic_name,
            None if case.value is None else bytearray(case.value),
            _moment(case),
            _headers(case),
        )
        for case in cases
    ]
    columns = f"name string, topic string, value binary, timestamp timestamp, headers {HEADERS}"
    records = spark.createDataFrame(values, columns).coalesce(1)
    event = fn.struct(*(_plain(name, field.type).alias(name) for name, field in stream.fields.items()))
    time = fn.unix_millis("event_time").alias("event_time")
    return (
        validated(records, stream).select("name", "code", "message", "event_ms", time, event.alias("event")).collect()
    )


def _headers(case: Case) -> list[tuple[str, bytearray]] | None:
    """Kafka's source gives null where there are none."""
    return [(name, bytearray(value or b"")) for name, value in case.headers] or None


def _moment(case: Case) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=case.timestamp)


def _plain(name: str, kind: Type) -> Column:
    """As shared/streams/verdict.py has it."""
    value = fn.col(f"event.{name}")
    return fn.date_format(value, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'") if kind is Type.TIMESTAMP else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(rows: dict[str, Row], case: Case) -> None:
    """Each case of the table is decided as it says, with the very message of the plain function."""
    stream, row = streams()[case.stream], rows[case.name]
    if isinstance(case.expected, Code):
        verdict = judge_record(stream, case.record)
        assert isinstance(verdict, Refused)
        assert (row.code, row.message) == (case.expected, verdict.message)
    else:
        assert (row.code, row.message) == (None, None)
        there = {name: value for name, value in row.event.asDict().items() if value is not None}
        assert (there, row.event_ms, row.event_time) == (case.expected, case.time, case.time)
