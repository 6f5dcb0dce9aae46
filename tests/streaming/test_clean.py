from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from shared.contracts.readings import Reading
from shared.errors import Code
from shared.kafka.deadletters import HEADER_LIMIT, Failure, dead_letter
from shared.kafka.records import Partition, Record
from shared.streams.declaration import Readings, Stream
from streaming import clean
from streaming.records import HEADERS
from streaming.redriven import ours
from streaming.validate import CODES, VERDICTS
from tests.suites.verdicts import RECORDED, streams

SCHEMA = f"key binary, value binary, topic string, partition int, offset long, timestamp timestamp, headers {HEADERS}"
GOOD = {"sensor_id": "s-1", "timestamp": RECORDED - 1, "value": 0.1}
TIME = datetime.fromtimestamp(RECORDED / 1000, UTC)


def kafka(
    stream: Stream, value: bytes | None, offset: int = 5, key: bytes | None = b"k", headers: Any = None
) -> tuple[Any, ...]:
    name = stream.topic_name
    return (key and bytearray(key), None if value is None else bytearray(value), name, 2, offset, TIME, headers)


def transform(spark: SparkSession, stream: Stream, *records: tuple[Any, ...]) -> list[Row]:
    return clean.transform(spark.createDataFrame(list(records), SCHEMA).coalesce(1), stream).collect()


def told(row: Row) -> dict[str, str]:
    return {header.key: bytes(header.value).decode() for header in row.headers}


def test_a_clean_reading(spark: SparkSession) -> None:
    """A good event becomes a reading as the contract has it, keyed like the stream, without the fields that aren't
    there."""
    stream = streams()["sensors.sound"]
    [row] = transform(spark, stream, kafka(stream, json.dumps(GOOD).encode()))
    assert (row.topic, bytes(row.key)) == ("processed.readings.v1", b"s-1")
    assert json.loads(bytes(row.value)) == {
        "_collection_name": "sound_readings_clean",
        "_id": "sensors.sound-2-5",
        "_position": "sensors.sound-2-5",
        "_offset": 5,
        "_event_time": "2026-01-02T03:04:59.999Z",
        "_received_at": "2026-01-02T03:05:00.000Z",
        **GOOD,
    }
    assert Reading.model_validate_json(bytes(row.value)).fields == GOOD
    assert told(row)["ce_id"] == "sensors.sound-2-5"
    assert told(row)["ce_type"] == "cauce.processed.readings.v1"


def test_a_reading_by_its_id(spark: SparkSession) -> None:
    """Where the declaration names an id, it is the reading's."""
    stream = streams()["seconds"].model_copy(update={"readings": Readings(collection="c", id="at")})
    [row] = transform(spark, stream, kafka(stream, b'{"at":7,"name":"n","more":[]}'))
    reading = Reading.model_validate_json(bytes(row.value))
    assert (reading.id, reading.position, bytes(row.key)) == ("7", "seconds-2-5", b"7")
    assert reading.fields == {"at": 7, "name": "n"}


@pytest.mark.parametrize(
    "value", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 123456789012345680.0, -2.5e-7, 9007199254740993.0]
)
def test_doubles_come_through(doubles: dict[float, float], value: float) -> None:
    """A double is the same after validation and in JSON, to the last bit."""
    assert doubles[value] == value


@pytest.fixture(scope="module")
def doubles(spark: SparkSession) -> dict[float, float]:
    stream = streams()["sensors.air"]
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 123456789012345680.0, -2.5e-7, 9007199254740993.0]
    records = [kafka(stream, json.dumps(GOOD | {"value": value}).encode(), i) for i, value in enumerate(values)]
    found = [json.loads(bytes(row.value)) for row in transform(spark, stream, *records)]
    return {values[row["_offset"]]: row["value"] for row in found}


def test_a_dead_letter(spark: SparkSession) -> None:
    """A refused event keeps its key, its bytes and its headers, and has the very headers that the consume loop adds;
    those of an earlier failure are replaced."""
    stream = streams()["ratings"]
    headers = [("trace", bytearray(b"\x00\xff")), ("dlq_error_code", bytearray(b"bug")), ("empty", None)]
    [row] = transform(spark, stream, kafka(stream, b'{"userId":"\xff', headers=headers))
    assert (row.topic, bytes(row.key), bytes(row.value)) == ("ratings.dlq", b"k", b'{"userId":"\xff')
    kept, added = row.headers[:2], {header.key: bytes(header.value).decode() for header in row.headers[2:]}
    assert [(header.key, header.value) for header in kept] == [("trace", b"\x00\xff"), ("empty", None)]
    assert added.keys() == _of_the_loop().keys()
    assert added == _of_the_loop() | {
        "dlq_stage": "clean",
        "dlq_failed_at": "2026-01-02T03:05:00.000Z",
    }


def _of_the_loop() -> dict[str, str]:
    record = Record(Partition("ratings", 2), 5, RECORDED, b"k", b"", ())
    message = "must be one JSON object in UTF-8, without repeated names"
    failure = Failure(Code.INVALID_JSON, message, 1, TIME)
    letter = dead_letter(record, failure, group="streaming.ratings", service="streaming", dlq_topic="ratings.dlq")
    return {name: (value or b"").decode() for name, value in letter.headers}


def test_only_refused_events_where_no_readings_are_declared(spark: SparkSession) -> None:
    """Good events of a stream without readings give nothing; a record without a key and a value gives an empty one."""
    stream = streams()["seconds"]
    good = kafka(stream, b'{"at":7,"name":"n"}', 1)
    rows = transform(spark, stream, good, kafka(stream, None, 2, None), kafka(stream, None, 3))
    assert [(row.topic, told(row)["dlq_source_offset"], row.key, row.value) for row in rows] == [
        ("seconds.dlq", "2", None, b""),
        ("seconds.dlq", "3", b"k", None),
    ]


def test_messages_stay_small(spark: SparkSession) -> None:
    """However much is wrong with an event, what is added to it fits the limit."""
    stream = streams()["ratings"]
    value = json.dumps({f"{'😀' * 20_000}{i}": i for i in range(8)}, ensure_ascii=False).encode()
    [row] = transform(spark, stream, kafka(stream, value))
    assert told(row)["dlq_error_code"] == "unknown_field"
    assert sum(len(header.key) + len(header.value) for header in row.headers) < HEADER_LIMIT


def test_counts_of_each_code(spark: SparkSession, tmp_path: Path) -> None:
    """A batch's progress tells how many events there were, and how many were refused by each code."""
    stream = streams()["seconds"]
    values = [b'{"at":7,"name":"n"}', b"nope", b"{}", b'{"at":7,"name":1}', b"[]"]
    spark.createDataFrame([kafka(stream, value) for value in values], SCHEMA).coalesce(1).write.parquet(
        f"{tmp_path}/in"
    )
    records = spark.readStream.schema(SCHEMA).parquet(f"{tmp_path}/in")
    query = clean.transform(records, stream).writeStream.format("memory").queryName("letters")
    running = query.trigger(availableNow=True).start()
    running.awaitTermination()
    [progress] = [each for each in running.recentProgress if each.numInputRows]
    observed = progress.observedMetrics[VERDICTS].asDict()
    expected = {"rows": 5, Code.INVALID_JSON: 2, Code.MISSING_FIELD: 1, Code.WRONG_TYPE: 1}
    assert observed == dict.fromkeys(CODES, 0) | expected


def redriven(group: str = "streaming.ratings", **other: bytes) -> list[tuple[str, bytearray]]:
    """The headers of a record that has come back for the second time."""
    facts = {
        "source_topic": b"ratings",
        "source_partition": b"1",
        "source_offset": b"3",
        "source_timestamp": b"1700000000000",
        "target_group": group.encode(),
        "redrive_count": b"2",
    }
    return [(f"dlq_{name}", bytearray(value)) for name, value in (facts | other).items()]


@pytest.mark.parametrize(
    "headers",
    [
        redriven(),
        redriven(source_offset=b"-3"),
        redriven(source_topic=b"other"),
        redriven(redrive_count=b"0"),
        redriven(redrive_count=b"x"),
        redriven(target_group=b""),
        redriven(source_timestamp=b"9" * 19),
    ],
)
def test_a_redriven_event_that_fails_again_keeps_its_first_position(spark: SparkSession, headers: Any) -> None:
    """Spark writes what the consume loop would: same position, same count; headers that make no sense don't count."""
    stream = streams()["ratings"]
    [row] = transform(spark, stream, kafka(stream, b"{", headers=headers))
    came_with = tuple((name, bytes(value)) for name, value in headers)
    record = Record(Partition("ratings", 2), 5, RECORDED, b"k", b"{", came_with)
    failure = Failure(Code.INVALID_JSON, "", 1, TIME)
    letter = dead_letter(record, failure, group="streaming.ratings", service="streaming", dlq_topic="ratings.dlq")
    facts = ("source_topic", "source_partition", "source_offset", "source_timestamp", "redrive_count")
    wanted = {f"dlq_{name}" for name in facts}
    of_the_loop = {name: value.decode() for name, value in letter.headers if name in wanted}
    assert {name: value for name, value in told(row).items() if name in wanted} == of_the_loop


def test_what_is_redriven_for_another_group_is_left_out(spark: SparkSession) -> None:
    """By every query of a stream, whatever else it has in its headers."""
    stream = streams()["ratings"]
    headers = [None, [("a", bytearray(b"b"))], redriven(), redriven("db_writer.documents"), redriven("")]
    records = [kafka(stream, b"{}", offset, headers=each) for offset, each in enumerate(headers)]
    rows = spark.createDataFrame(records, SCHEMA).where(ours("streaming.ratings")).collect()
    assert [row.offset for row in rows] == [0, 1, 2, 4]
