"""Events of our own with their truth, from a seed: readings of sensors, and views of characters.

The truth is counted here, in whole milliseconds and fractions, event by event, and shares nothing with the product's
computations. The files are those of the real streams: the same names, the same columns that anybody reads.
"""

from __future__ import annotations

import csv
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

SEED = 20200229
MINUTE, HOUR = 60_000, 3_600_000
BEGIN = int(datetime(2020, 2, 28, 22, tzinfo=UTC).timestamp()) * 1000
"""Ms since 1970: two hours before a leap day."""
READINGS, READING_HOURS = 4_000, 28
VIEWS, VIEW_MINUTES = 3_000, 180
SENSORS = ("Straße 1", "Strasse 1", "STRASSE 1", "mill", "Mill", "川の水位", "quiet")
"""Told apart by their letters alone, which a store may take for the same; the last one speaks seldom."""
CHARACTERS = ("Éowyn", "Eowyn", "eowyn", "Arya", "Bran", "Cersei", "Davos", "Gilly", "Hodor", "Łucja", "Зоя", "花子")
TOP = 5


def readings(seed: int = SEED) -> list[dict[str, Any]]:
    """In no order of time; many at the first and the last millisecond of a minute and of an hour."""
    draw = random.Random(seed)
    return [_reading(draw) for _ in range(READINGS)]


def _reading(draw: random.Random) -> dict[str, Any]:
    sensor = SENSORS[-1] if draw.random() < 0.01 else draw.choice(SENSORS[:-1])
    at = BEGIN + draw.randrange(READING_HOURS * HOUR)
    edge = draw.choice((None, None, MINUTE, HOUR))
    if edge:
        at += -(at % edge) + draw.choice((0, edge - 1))
    middle = 0.002 if sensor == "mill" else -1_000 if sensor == "Mill" else 40
    return {"sensor_id": sensor, "ts_ms": at, "value": round(middle + draw.random() * abs(middle), 6)}


def views(seed: int = SEED) -> list[dict[str, Any]]:
    """Some are watched far more than others; minutes in which few or none are leave ties at the cut."""
    draw = random.Random(seed + 1)
    busy = [draw.random() ** 3 for _ in range(VIEW_MINUTES)]
    weights = [1 / (place + 1) for place in range(len(CHARACTERS))]
    return [
        {
            "event_id": f"o{number:05d}",
            "character": draw.choices(CHARACTERS, weights)[0],
            "season": draw.randint(1, 8),
            "episode": draw.randint(1, 10),
            "timestamp": BEGIN + draw.choices(range(VIEW_MINUTES), busy)[0] * MINUTE + draw.choice((0, 31_007, 59_999)),
        }
        for number in range(VIEWS)
    ]


# ---- the truth -------------------------------------------------------------------------------------------------------


def measures(events: Iterable[Mapping[str, Any]], size: int) -> list[dict[str, Any]]:
    """Count, sum, average, least and greatest of each tumbling window of `size` ms and each sensor."""
    members: dict[tuple[int, str], list[float]] = defaultdict(list)
    for event in events:
        members[event["ts_ms"] // size * size, event["sensor_id"]].append(event["value"])
    return [_measured(start, size, sensor, values) for (start, sensor), values in sorted(members.items())]


def _measured(start: int, size: int, sensor: str, values: Sequence[float]) -> dict[str, Any]:
    total = sum(map(Fraction, values))
    return {
        **_window(start, size),
        "sensor_id": sensor,
        "count": len(values),
        "sum": float(total),
        "avg": float(total / len(values)),
        "min": min(values),
        "max": max(values),
    }


def top(events: Iterable[Mapping[str, Any]], size: int) -> list[dict[str, Any]]:
    """Of each tumbling window of `size` ms the characters that `must` be among its first, and those that `may`: as
    many as the last of the first, of whom there are more than places."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for event in events:
        counts[event["timestamp"] // size * size][event["character"]] += 1
    return [
        {**_window(start, size), "character": who, "count": count, "membership": membership}
        for start, found in sorted(counts.items())
        for who, count, membership in _ranked(found)
    ]


def _ranked(counts: Counter[str]) -> Iterable[tuple[str, int, str]]:
    cut = sorted(counts.values(), reverse=True)[:TOP][-1]
    fits = sum(count >= cut for count in counts.values()) <= TOP
    for who, count in counts.items():
        if count >= cut:
            yield who, count, "must" if fits or count > cut else "may"


def _window(start: int, size: int) -> dict[str, Any]:
    return {
        f"window_{edge}{suffix}": value
        for edge, at in (("start", start), ("end", start + size))
        for suffix, value in (("_ms", at), ("", f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"))
    }


# ---- files -----------------------------------------------------------------------------------------------------------


def write(folder: Path, seed: int = SEED) -> Path:
    """Events and truth under the names of the real ones; returns the folder."""
    measured, seen = readings(seed), views(seed)
    _table(folder / "nab_readings.csv", measured)
    _table(folder / "nab__tumbling_1h_by_sensor.csv", measures(measured, HOUR))
    parquet.write_table(pa.Table.from_pylist(measures(measured, MINUTE)), folder / "nab__tumbling_1m_by_sensor.parquet")
    (folder / "character_views.jsonl").write_text(
        "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in seen), encoding="utf-8"
    )
    _table(folder / "views__top5_1m.csv", top(seen, MINUTE))
    _table(folder / "views__top5_5m_tumbling.csv", top(seen, 5 * MINUTE))
    return folder


def _table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
