from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as fn
from pyspark.sql.streaming.listener import StreamingQueryProgress

from shared.contracts.metrics import MetricRow
from shared.streams.declaration import Stream
from shared.streams.plan import Kind, QueryPlan, query_plans
from shared.streams.tables import window_table
from streaming import windows
from streaming.records import HEADERS
from tests.suites.verdicts import streams

MINUTE = 60_000
T0 = 1_767_323_040_000
"""2026-01-02T03:04:00Z."""
RECORDED = T0 + 25_000

_SHOP = """
name: shop
event_time: {field: at, lateness: none, max_ahead: 365000d}
fields:
  at: {type: long}
  shop: {type: string}
  aisle: {type: int, optional: false}
  open: {type: boolean}
  began: {type: timestamp}
  price: {type: double, optional: true}
  pieces: {type: long, optional: true}
windows:
  - table: aisles_1m
    size: 1m
    group_by: {label: "S{aisle}-{shop}/{open}", aisle: "{aisle}", began: "{began}"}
    select:
      {n: count(*), total: sum(price), pieces: sum(pieces), least: min(pieces), most: max(price), mean: avg(pieces)}
"""


@pytest.fixture(scope="module")
def shop() -> Stream:
    return Stream.model_validate(yaml.safe_load(_SHOP))


def plan(stream: Stream, kind: Kind, table: str) -> QueryPlan:
    plans = [each for each in query_plans(stream) if each.kind is kind]
    return next(each for each in plans if table in {window.table for window in each.windows})


def kafka(spark: SparkSession, events: Iterable[dict[str, Any]], recorded: int) -> DataFrame:
    moment = datetime.fromtimestamp(recorded / 1000, UTC)
    values = [("t", bytearray(json.dumps(event).encode()), moment, None) for event in events]
    columns = f"topic string, value binary, timestamp timestamp, headers {HEADERS}"
    return spark.createDataFrame(values, columns).coalesce(1)


def published(rows: list[Row]) -> dict[tuple[str, str], dict[str, Any]]:
    """Values by topic and key."""
    found = {(row.topic, bytes(row.key).decode()): json.loads(bytes(row.value)) for row in rows}
    assert len(found) == len(rows)
    return found


def rating(at: int, rating: float = 3.5, **changes: Any) -> dict[str, Any]:
    return {"userId": 1, "movieId": 2, "rating": rating, "timestamp": at, **changes}


RATINGS = [rating(T0, 1.0), rating(T0 + MINUTE - 1, 2.0), rating(T0 + MINUTE, 4.0), rating(T0, 9.0), rating(1, 1.0)]
"""The last two are refused."""


def _row(table: str, start: str, end: str, count: int, average: float) -> dict[str, Any]:
    bounds = {"window_start": f"2026-01-02T{start}:00.000Z", "window_end": f"2026-01-02T{end}:00.000Z"}
    return {"_table_name": table, "_epoch": 3, "_newest": RECORDED, **bounds, "count": count, "avg_rating": average}


EXPECTED = (
    _row("rating_metrics_1m", "03:04", "03:05", 2, 1.5),
    _row("rating_metrics_1m", "03:05", "03:06", 1, 4.0),
    _row("rating_metrics_5m_1m", "03:00", "03:05", 2, 1.5),
    _row("rating_metrics_5m_1m", "03:01", "03:06", 3, 7 / 3),
    _row("rating_metrics_5m_1m", "03:02", "03:07", 3, 7 / 3),
    _row("rating_metrics_5m_1m", "03:03", "03:08", 3, 7 / 3),
    _row("rating_metrics_5m_1m", "03:04", "03:09", 3, 7 / 3),
    _row("rating_metrics_5m_1m", "03:05", "03:10", 1, 4.0),
)


def test_tables_of_one_grouping_come_from_one_query(spark: SparkSession) -> None:
    """Tumbling and sliding windows have each the accepted events from their start up to before their end."""
    records = kafka(spark, RATINGS, RECORDED)
    both = plan(streams()["ratings"], Kind.WINDOWS, "rating_metrics_1m")
    rows = windows.transform(records, both, 3, None).collect()
    keys = {("processed.metrics.v1", f"{row['_table_name']}|{row['window_start']}"): row for row in EXPECTED}
    assert published(rows) == keys


def test_published_rows(spark: SparkSession) -> None:
    """Other people read the kind of window, its bounds and its values, keyed by kind and start."""
    records = kafka(spark, RATINGS, RECORDED)
    both = plan(streams()["ratings"], Kind.PUBLISHED, "rating_metrics_1m")
    found = published(windows.transform(records, both, 3, None).collect())
    assert len(found) == len(EXPECTED)
    assert found["metrics", "sliding_5min_1min|2026-01-02T03:05:00.000Z"] == {
        "window_type": "sliding_5min_1min",
        "window_start": "2026-01-02T03:05:00.000Z",
        "window_end": "2026-01-02T03:10:00.000Z",
        "count": 1,
        "avg_rating": 4.0,
    }
    assert found["metrics", "tumbling_1min|2026-01-02T03:04:00.000Z"]["count"] == 2


def test_windows_before_the_floor_are_of_the_first_epoch(spark: SparkSession) -> None:
    """After a reset, what is left of a window that begins before the floor must not replace the whole one."""
    records = kafka(spark, RATINGS, RECORDED)
    both = plan(streams()["ratings"], Kind.WINDOWS, "rating_metrics_1m")
    found = published(windows.transform(records, both, 3, T0).collect()).values()
    epochs = {row["window_start"][11:16]: row["_epoch"] for row in found}
    assert epochs == {"03:00": 1, "03:01": 1, "03:02": 1, "03:03": 1, "03:04": 3, "03:05": 3}


_PLACES = """
name: places
event_time: {field: at, lateness: none, max_ahead: 365000d}
fields: {at: {type: long}, town: {type: string}, street: {type: string}}
windows: [{table: places_1m, size: 1m, group_by: [street, town], select: {n: count(*)}}]
"""


def test_rows_of_different_groups_have_different_keys(spark: SparkSession) -> None:
    """Also where the groups hold what keys are joined with: of one key a compacted topic keeps one row."""
    stream = Stream.model_validate(yaml.safe_load(_PLACES))
    pairs = [("a|b", "c"), ("a", "b|c"), ("a\\", "|b"), ("a", "\\|b"), ("a", "b")]
    records = kafka(spark, [{"at": T0, "street": street, "town": town} for street, town in pairs], RECORDED)
    found = published(windows.transform(records, plan(stream, Kind.WINDOWS, "places_1m"), 1, None).collect())
    assert {(row["street"], row["town"]): row["n"] for row in found.values()} == dict.fromkeys(pairs, 1)
    assert ("processed.metrics.v1", "places_1m|2026-01-02T03:04:00.000Z|a|b") in found


def test_a_group_of_a_number(spark: SparkSession) -> None:
    """A lone field keeps its type in the row, and is text in the key; rows and headers fit what reads them."""
    stream = streams()["ratings"]
    records = kafka(spark, [rating(T0), rating(T0, movieId=7), rating(T0, 0.5)], T0)
    [two, seven] = sorted(windows.transform(records, plan(stream, Kind.WINDOWS, "movie_metrics_1m"), 3, None).collect())
    assert bytes(two.key) == b"movie_metrics_1m|2026-01-02T03:04:00.000Z|2"
    assert bytes(seven.key) == b"movie_metrics_1m|2026-01-02T03:04:00.000Z|7"
    row = MetricRow.model_validate_json(bytes(two.value))
    assert row.columns["movieId"] == 2
    assert row.columns["avg_rating"] == 2.0
    table = window_table(stream, next(window for window in stream.windows if window.table == row.table))
    assert [name for name in row.columns if not name.startswith("_")] == [column.name for column in table.columns]
    assert {header.key: bytes(header.value).decode() for header in two.headers} == {
        "ce_specversion": "1.0",
        "ce_id": "movie_metrics_1m|2026-01-02T03:04:00.000Z|2|2",
        "ce_source": "/cauce/streaming",
        "ce_type": "cauce.processed.metrics.v1",
        "content-type": "application/json",
    }


def test_templates_and_absent_values(spark: SparkSession, shop: Stream) -> None:
    """Fields are put into templates as text, aggregates of nothing are null and stay in the row, a sum beyond 64 bits
    or beyond any double is null, and times before 1970 are in their windows too."""
    bare = {"at": -1, "shop": "a|ü", "aisle": -5, "open": True, "began": "2026-01-02T04:04:05.6789+01:00"}
    full = {"at": 0, "shop": "b", "aisle": 7, "open": False, "began": "2026-01-02T03:04:05Z"}
    prices = [full | {"price": 0.1, "pieces": 3}, full | {"price": 0.2}, full | {"pieces": 4}]
    great = [full | {"at": MINUTE, "price": 1.7e308, "pieces": 2**63 - 1}] * 2
    records = kafka(spark, [bare, *prices, *great], 0)
    found = published(windows.transform(records, plan(shop, Kind.WINDOWS, "aisles_1m"), 1, None).collect())
    rows = {key.removeprefix("aisles_1m|"): row for (_, key), row in found.items()}
    assert {key: [row[name] for name in ("label", "aisle", "began")] for key, row in rows.items()} == {
        "1969-12-31T23:59:00.000Z|S-5-a|ü/true|-5|2026-01-02T03:04:05.678Z": [
            "S-5-a|ü/true",
            -5,
            "2026-01-02T03:04:05.678Z",
        ],
        "1970-01-01T00:00:00.000Z|S7-b/false|7|2026-01-02T03:04:05.000Z": ["S7-b/false", 7, "2026-01-02T03:04:05.000Z"],
        "1970-01-01T00:01:00.000Z|S7-b/false|7|2026-01-02T03:04:05.000Z": ["S7-b/false", 7, "2026-01-02T03:04:05.000Z"],
    }
    names = ("n", "total", "pieces", "least", "most", "mean")
    assert [[row[name] for name in names] for _, row in sorted(rows.items())] == [
        [1, None, None, None, None, None],
        [3, 0.1 + 0.2, 7, 3, 0.2, 3.5],
        [2, None, None, 2**63 - 1, 1.7e308, float(2**63)],
    ]


def chunk(name: str, received_at: str = "2026-01-02T03:04:05.678Z", company: str = "acme") -> dict[str, Any]:
    return {
        "chunk_id": name,
        "document_id": "d",
        "company_id": company,
        "received_at": received_at,
        "version": 7,
        "vector": "AACAPw==",
    }


def test_distinct_chunks(spark: SparkSession) -> None:
    """The same chunk of the same upload counts once, however often and however its moment is spelt; one of another
    upload counts again, and companies differ by case."""
    events = [
        *([chunk("a")] * 3),
        chunk("a", "2026-01-02T04:04:05.678+01:00"),
        chunk("a", "2026-01-02T03:04:05.6789Z"),
        chunk("a", "2026-01-02T03:04:05.679Z"),
        chunk("b", "2026-01-02T03:04:59.999Z"),
        chunk("a", "2026-01-02T03:05:00.000Z"),
        chunk("a", company="Acme"),
        {"chunk_id": "refused"},
    ]
    records = kafka(spark, events, T0 + MINUTE)
    stream = streams()["chunks"]
    stored = published(windows.transform(records, plan(stream, Kind.WINDOWS, "chunk_counts_1m"), 1, None).collect())
    assert {key.removeprefix("chunk_counts_1m|"): row["chunk_count"] for (_, key), row in stored.items()} == {
        "2026-01-02T03:04:00.000Z|acme": 3,
        "2026-01-02T03:05:00.000Z|acme": 1,
        "2026-01-02T03:04:00.000Z|Acme": 1,
    }
    told = plan(stream, Kind.PUBLISHED, "chunk_counts_1m")
    rows = windows.transform(kafka(spark, events[:1], T0), told, 1, None).collect()
    assert published(rows) == {
        ("analytics.flink", "acme"): {
            "window_type": "tumbling_1min",
            "window_start": "2026-01-02T03:04:00.000Z",
            "window_end": "2026-01-02T03:05:00.000Z",
            "company_id": "acme",
            "chunk_count": 1,
        }
    }


def write(
    folder: Path, batch: int, *events: dict[str, Any], recorded: str, headers: Mapping[str, str] | None = None
) -> None:
    """A batch of records as a file; Spark takes them in the order of their times."""
    told = [{"key": name, "value": base64.b64encode(text.encode()).decode()} for name, text in (headers or {}).items()]
    rows = (
        json.dumps({"topic": "ratings", "value": json.dumps(event), "timestamp": recorded, "headers": told})
        for event in events
    )
    file = folder / f"{batch}.json"
    file.write_text("\n".join(rows))
    os.utime(file, (batch, batch))


def run(
    spark: SparkSession, plan: QueryPlan, folder: Path, name: str
) -> tuple[list[tuple[str, int]], list[StreamingQueryProgress]]:
    """All batches, one file each: every key and count in the order they came out, and each batch's progress."""
    columns = f"topic string, value string, timestamp timestamp, headers {HEADERS}"
    records = spark.readStream.schema(columns).option("maxFilesPerTrigger", 1).json(str(folder))
    rows = windows.transform(records.withColumn("value", fn.col("value").cast("binary")), plan, 1, None)
    running = rows.writeStream.format("memory").queryName(name).outputMode("update").trigger(availableNow=True).start()
    running.awaitTermination()
    count = plan.windows[0].count
    written = [(bytes(row.key).decode(), json.loads(bytes(row.value))[count]) for row in spark.table(name).collect()]
    return written, running.recentProgress


def test_state_over_batches(spark: SparkSession, tmp_path: Path) -> None:
    """A chunk repeated later counts once, a late one counts; a window's state goes with the watermark, and what comes
    after that is dropped and told."""
    early, recorded = "2026-01-10T00:00:0", "2026-01-10T00:00:00.000Z"
    first = chunk("a", f"{early}1.000Z")
    write(tmp_path, 1, first, {"chunk_id": 5}, recorded=recorded)
    write(tmp_path, 2, chunk("x", "2026-01-12T00:00:00.000Z"), recorded="2026-01-12T00:00:00.000Z")
    write(tmp_path, 3, first, chunk("b", f"{early}2.000Z"), recorded=recorded)
    # The watermark that a batch moves holds for late rows from the batch after the next.
    later = "2026-01-19T00:00:00.000Z"
    write(tmp_path, 4, chunk("x", later), recorded=later)
    write(tmp_path, 5, chunk("x", later), recorded=later)
    write(tmp_path, 6, chunk("c", f"{early}3.000Z"), recorded=recorded)

    written, batches = run(spark, plan(streams()["chunks"], Kind.WINDOWS, "chunk_counts_1m"), tmp_path, "chunks")

    key = "chunk_counts_1m|2026-01-10T00:00:00.000Z|acme"
    assert [count for written_key, count in written if written_key == key] == [1, 2]
    operators = [batch.stateOperators[0] for batch in batches]
    assert sum(operator.numRowsDroppedByWatermark for operator in operators) == 1
    assert operators[-1].numRowsTotal == 1


def test_no_lateness_keeps_all_state(spark: SparkSession, shop: Stream, tmp_path: Path) -> None:
    """Without a limit of lateness an event of any age counts, before 1970 too."""
    event = {"at": -MINUTE, "shop": "a", "aisle": 1, "open": True, "began": "2026-01-02T03:04:05Z"}
    far = event | {"at": T0}
    for batch, each in enumerate([event, far, far, event]):
        write(tmp_path, batch + 1, each, recorded="2026-01-02T03:04:00.000Z")

    written, batches = run(spark, plan(shop, Kind.WINDOWS, "aisles_1m"), tmp_path, "aisles")

    assert [count for key, count in written if "1969" in key] == [1, 2]
    assert batches[-1].stateOperators[0].numRowsTotal == 2


WAIVED = {
    "dlq_source_topic": "ratings",
    "dlq_source_partition": "0",
    "dlq_source_offset": "3",
    "dlq_source_timestamp": str(T0),
    "dlq_target_group": "streaming.ratings",
    "dlq_redrive_count": "1",
    "dlq_accept_time": "true",
}


def test_a_waived_event_counts_while_its_window_is_kept(spark: SparkSession, tmp_path: Path) -> None:
    """Half an hour and more; one that is put back later than that is dropped, and told."""
    old = rating(T0 - 10 * MINUTE)
    write(tmp_path, 1, rating(T0), recorded="2026-01-02T03:04:00.000Z")
    write(tmp_path, 2, old, recorded="2026-01-02T03:05:00.000Z")
    write(tmp_path, 3, old, recorded="2026-01-02T03:06:00.000Z", headers=WAIVED)
    later = "2026-01-02T05:04:00.000Z"
    for batch in (4, 5):
        write(tmp_path, batch, rating(T0 + 120 * MINUTE), recorded=later)
    write(tmp_path, 6, old, recorded=later, headers=WAIVED)

    written, batches = run(spark, plan(streams()["ratings"], Kind.WINDOWS, "movie_metrics_1m"), tmp_path, "waived")

    assert [count for key, count in written if key.startswith("movie_metrics_1m|2026-01-02T02:54")] == [1]
    dropped = [batch.stateOperators[0].numRowsDroppedByWatermark for batch in batches]
    assert dropped[-1] > 0
    assert not any(dropped[:-1])
