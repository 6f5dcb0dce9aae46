"""Declared streams on the real parts: from `POST /events` to rows in MySQL and readings in MongoDB."""

from __future__ import annotations

import csv
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from shared.kafka.client import KafkaProducer, offset_ranges, read_from
from shared.kafka.records import Outgoing
from tests.fleet.events import post, verified
from tests.fleet.harness import Fleet

pytestmark = pytest.mark.fleet


def now() -> int:
    return int(time.time() * 1000)


def rating(number: int) -> dict[str, Any]:
    draw = random.Random(number)
    at = now() - draw.randrange(20_000)
    return {
        "userId": draw.randint(1, 999),
        "movieId": draw.randint(1, 40),
        "rating": draw.randint(1, 10) / 2,
        "timestamp": at,
    }


def measurement(number: int) -> dict[str, Any]:
    draw = random.Random(number)
    return {"sensor_id": f"sensor-{draw.randrange(5)}", "timestamp": now(), "value": round(draw.gauss(40, 9), 3)}


def view(number: int) -> dict[str, Any]:
    draw = random.Random(number)
    who = draw.choice(["Arya", "Bran", "Cersei", "Davos", "Éowyn", "Gilly", "Hodor"])
    season = draw.randint(1, 2)
    return {"event_id": f"v{number}", "character": who, "season": season, "episode": 1, "timestamp": now()}


def order(number: int) -> dict[str, Any]:
    draw = random.Random(number)
    shop, price = draw.choice(["north", "south"]), draw.randint(1, 9_999) / 100
    return {"order_id": f"o-{number}", "shop": shop, "price": price, "at": now()}


@pytest.mark.parametrize(
    ("stream", "make", "table"),
    [
        ("ratings", rating, "movie_metrics_1m"),
        ("sensors.sound", measurement, "sound_metrics_1m"),
        ("sensors.air", measurement, "air_metrics_1m"),
        ("character.views", view, "character_views_1m"),
        ("orders", order, "shop_sales_1m"),
    ],
)
async def test_events_become_rows(fleet: Fleet, stream: str, make: Any, table: str) -> None:
    """Every event of a shipped stream, and of the documentation's, is in its windows and readings: none lost, none
    twice, as computing them anew from the topic shows."""
    answer = await post(fleet, stream, [make(number) for number in range(500)])
    assert (answer["accepted"], answer["rejected"]) == (500, 0)

    said = verified(fleet, stream)

    assert table in said
    count = {"shop_sales_1m": "orders", "character_views_1m": "total_views_per_character"}.get(table, "count")
    [[total]] = fleet.rows(f"SELECT SUM(`{count}`) FROM {table}")
    assert total >= 500


async def test_sliding_windows_hold_each_event_five_times(fleet: Fleet) -> None:
    """An event is in one tumbling window of a minute and in five sliding ones of five minutes."""
    await post(fleet, "ratings", [rating(number) for number in range(100)])
    verified(fleet, "ratings")
    [[tumbling]] = fleet.rows("SELECT SUM(`count`) FROM rating_metrics_1m")
    [[sliding]] = fleet.rows("SELECT SUM(`count`) FROM rating_metrics_5m_1m")
    assert sliding == 5 * tumbling


async def test_top_five_of_each_label(fleet: Fleet) -> None:
    """`kafka_streams` ranks the characters of each window and label by views, then by name."""
    await post(fleet, "character.views", [view(number) for number in range(300)])
    verified(fleet, "character.views")
    found = defaultdict(list)
    for start, label, who, views, rank in fleet.rows(
        "SELECT window_start, label, saga_characters, total_views_per_character, top_5 FROM kafka_streams"
    ):
        found[start, label].append((rank, -views, who))
    ranked = {window: sorted(rows) for window, rows in found.items()}
    assert ranked
    for rows in ranked.values():
        assert [rank for rank, _, _ in rows] == list(range(1, len(rows) + 1))
        assert len(rows) <= 5
        assert [row[1:] for row in rows] == sorted(row[1:] for row in rows)


async def test_readings_equal_the_truth(fleet: Fleet, events_folder: Path) -> None:
    """4,000 measurements of our own, and 34,000 real ones, sent in the order of time, come out as their truth says,
    hour by hour and minute by minute."""
    with (events_folder / "nab_readings.csv").open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["ts_ms"]))
    events = [{"sensor_id": r["sensor_id"], "ts_ms": int(r["ts_ms"]), "value": float(r["value"])} for r in rows]
    await post(fleet, "fixtures.readings", events)
    verified(fleet, "fixtures.readings", seconds=120)

    with (events_folder / "nab__tumbling_1h_by_sensor.csv").open(newline="", encoding="utf-8") as file:
        hours = [_truth(row) for row in csv.DictReader(file)]
    minutes = [
        _truth(row) for row in parquet.read_table(events_folder / "nab__tumbling_1m_by_sensor.parquet").to_pylist()
    ]
    for table, truth in (("fixtures_readings_1h", hours), ("fixtures_readings_1m", minutes)):
        query = "SELECT 1000 * UNIX_TIMESTAMP(window_start), sensor_id, `count`, `sum`, `avg`, `min`, `max`"
        starts = {start for (start, _), _ in truth}
        stored = fleet.rows(f"{query} FROM {table} WHERE {_between(starts)}")
        found = {(int(row[0]), row[1]): row[2:] for row in stored}
        assert found.keys() == {key for key, _ in truth}
        for key, values in truth:
            assert found[key] == pytest.approx(values, rel=1e-9)


def _between(starts: Collection[int]) -> str:
    """The stretch of time that the truth is of (ms since 1970): a table has the windows of other events too."""
    return f"1000 * UNIX_TIMESTAMP(window_start) BETWEEN {min(starts)} AND {max(starts)}"


def _truth(row: dict[str, Any]) -> tuple[tuple[int, str], tuple[float, ...]]:
    values = tuple(float(row[name]) for name in ("count", "sum", "avg", "min", "max"))
    return (int(row["window_start_ms"]), row["sensor_id"]), values


async def test_views_equal_the_truth(fleet: Fleet, events_folder: Path) -> None:
    """3,000 views of our own, and 12,000 real ones, give the top five of every window, minute by minute and in five
    minutes; only ties at the cut may differ."""
    lines = (events_folder / "character_views.jsonl").read_text(encoding="utf-8").splitlines()
    await post(fleet, "fixtures.views", map(json.loads, lines))
    verified(fleet, "fixtures.views", seconds=120)

    for view_name, file in (
        ("fixtures_views_1m_top5", "views__top5_1m"),
        ("fixtures_views_5m_top5", "views__top5_5m_tumbling"),
    ):
        must, may = _membership(events_folder / f"{file}.csv")
        starts = {start for start, _, _ in must | may}
        query = (
            f"SELECT 1000 * UNIX_TIMESTAMP(window_start), `character`, views FROM {view_name} WHERE {_between(starts)}"
        )
        found = {(int(start), who, views) for start, who, views in fleet.rows(query)}
        assert must <= found <= must | may
        windows = Counter(start for start, _, _ in found)
        expected = Counter(start for start, _, _ in must | may)
        assert windows == {start: min(5, number) for start, number in expected.items()}


def _membership(file: Path) -> tuple[set[tuple[int, str, int]], set[tuple[int, str, int]]]:
    members: dict[str, set[tuple[int, str, int]]] = {"must": set(), "may": set()}
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            members[row["membership"]].add((int(row["window_start_ms"]), row["character"], int(row["count"])))
    return members["must"], members["may"]


GOOD, BAD = 9_500, 500


def rubbish(kind: int, good: dict[str, Any]) -> tuple[str | None, bytes]:
    """An event that must be refused, with the code that says why."""
    changed: list[tuple[str, bytes]] = [
        ("invalid_json", b"\x00\xff not json"),
        ("invalid_json", json.dumps(good).encode()[:-3]),
        ("invalid_json", json.dumps(good | {"value": float("nan")}).encode()),
        ("invalid_json", b""),
        ("wrong_type", json.dumps(good | {"value": "12"}).encode()),
        ("wrong_type", json.dumps(good | {"at": 1.5}).encode()),
        ("out_of_range", json.dumps(good | {"value": 100.1}).encode()),
        ("out_of_range", json.dumps(good | {"sensor": "x" * 21}).encode()),
        ("missing_field", json.dumps({"sensor": "a", "at": good["at"]}).encode()),
        ("missing_field", json.dumps(good | {"value": None}).encode()),
        ("unknown_field", json.dumps(good | {"colour": "red"}).encode()),
        ("future", json.dumps(good | {"at": good["at"] + 10**9}).encode()),
        ("future", json.dumps(good | {"at": 9_000_000_000_000_000_000}).encode()),
        ("late", json.dumps(good | {"at": good["at"] - 120_000}).encode()),
        ("invalid_json", b'{"a":' * 3_000),
    ]
    return changed[kind % len(changed)]


async def test_rubbish_hurts_nobody(fleet: Fleet) -> None:
    """Of 10,000 records written straight to the topic, each bad one is a dead letter with its code and its original
    bytes, and the sums are those of the good ones."""
    draw = random.Random(5)
    good = [{"sensor": f"s{n % 7}", "value": float(n % 100), "at": now() - draw.randrange(5_000)} for n in range(GOOD)]
    bad = [rubbish(n, good[n]) for n in range(BAD - 1)]
    bad.append(("too_large", json.dumps(good[0] | {"sensor": "x" * 2 * 1024 * 1024}).encode()))
    values = [json.dumps(event).encode() for event in good] + [value for _, value in bad]
    draw.shuffle(values)
    producer = KafkaProducer(fleet.kafka)
    await producer.publish([Outgoing("rubbish", value[:20], value) for value in values])
    await producer.stop()

    verified(fleet, "rubbish", seconds=90)

    [[count, total]] = fleet.rows("SELECT SUM(`count`), SUM(`sum`) FROM rubbish_1m")
    assert (count, total) == (GOOD, pytest.approx(sum(float(n % 100) for n in range(GOOD))))
    letters = await dead_letters(fleet, "rubbish.dlq")
    assert Counter(code for code, _ in letters) == Counter(code for code, _ in bad)
    assert Counter(value for _, value in letters) == Counter(value for _, value in bad)


async def dead_letters(fleet: Fleet, topic: str) -> list[tuple[str, bytes]]:
    """Code and value of each, one for each position that failed."""
    kept = await offset_ranges(fleet.kafka, [topic])
    found: dict[tuple[bytes | None, ...], tuple[str, bytes]] = {}
    async for batch in read_from(
        fleet.kafka, {p: r.start for p, r in kept.items()}, {p: r.stop for p, r in kept.items()}
    ):
        for record in batch:
            identity = tuple(record.header(f"dlq_source_{part}") for part in ("topic", "partition", "offset"))
            found[identity] = ((record.header("dlq_error_code") or b"").decode(), record.value or b"")
    return list(found.values())
