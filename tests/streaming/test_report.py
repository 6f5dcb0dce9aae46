from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession

from streaming.report import Summary, daily
from tests.streaming.archive_world import MORNING, NIGHT, Record, World, chunk
from tests.streaming.conftest import QUICK_JAVA

DAY = date(2026, 1, 21)
BEFORE = date(2026, 1, 20)


@pytest.fixture
def world(spark: SparkSession, tmp_path: Path) -> World:
    return World(spark, tmp_path)


def report(world: World, day: date = DAY) -> Summary:
    return daily(world.spark, world.root, f"{world.root}/reports", day)


def table(world: World) -> Path:
    return world.files / "reports" / "daily_chunks"


def rows(world: World) -> list[tuple[object, ...]]:
    found: list[Row] = world.spark.read.parquet(str(table(world))).collect()
    return sorted((str(row.date), row.company_id, row.document_id, row.version, row.total_chunks) for row in found)


def records(*values: bytes, timestamp: str = MORNING, first: int = 0) -> list[Record]:
    return [Record(first + number, value, timestamp) for number, value in enumerate(values)]


def test_counts_the_newest_versions_chunks(world: World) -> None:
    """Per company and document: the distinct chunks of the greatest version among the day's records."""
    world.put(
        *records(
            chunk("d1", 1, version=1),
            chunk("d1", 2, version=1),
            chunk("d1", 3, version=1),
            chunk("d1", 1, version=12),
            chunk("d1", 2, version=12),
            chunk("d1", 2, version=12),
            chunk("d1", 1, version=3, company_id="Acme"),
            chunk("d2", 1),
        )
    )
    world.run()
    assert report(world) == Summary(DAY, (("acme", 2, 3), ("Acme", 1, 1)), left_out=0)
    assert rows(world) == [
        ("2026-01-21", "Acme", "d1", 3, 1),
        ("2026-01-21", "acme", "d1", 12, 2),
        ("2026-01-21", "acme", "d2", 1, 1),
    ]


def test_what_is_no_chunk_is_left_out_and_told(world: World) -> None:
    """Records that break the contract count nowhere, and their number is in the summary."""
    rubbish = [b"nope", b"[]", b"\xff", b"", chunk("d", 9, version="x"), chunk("d", 9, company_id=5)]
    world.put(*records(chunk("d", 1), *rubbish), Record(99, None))
    world.run()
    found = report(world)
    assert found == Summary(DAY, (("acme", 1, 1),), left_out=7)
    assert list(found.lines())[-1] == "  records that are no chunks: 7"


def test_a_day_again_replaces_itself_alone(world: World) -> None:
    """A day is made of its own records, and computing it again leaves the other days' files as they are."""
    world.put(*records(chunk("d1", 1), timestamp=NIGHT), *records(chunk("d1", 1), chunk("d1", 2), first=1))
    world.run()
    report(world, BEFORE)
    report(world)
    [other] = (table(world) / "date=2026-01-20").glob("*.parquet")
    untouched = other.stat().st_mtime_ns
    world.put(*records(chunk("d2", 1), first=3))
    world.run()
    report(world)
    assert rows(world) == [
        ("2026-01-20", "acme", "d1", 1, 1),
        ("2026-01-21", "acme", "d1", 1, 2),
        ("2026-01-21", "acme", "d2", 1, 1),
    ]
    assert len(list((table(world) / "date=2026-01-21").glob("*.parquet"))) == 1
    assert other.stat().st_mtime_ns == untouched


def test_a_day_without_data_writes_nothing(world: World) -> None:
    """It says so, and other days stay; so does a day with nothing but rubbish, which is told."""
    empty = report(world)
    assert list(empty.lines()) == ["2026-01-21: no chunks in the archive, so nothing is written"]
    world.put(*records(chunk("d1", 1), timestamp=NIGHT), *records(b"nope", first=1))
    world.run()
    report(world, BEFORE)
    assert report(world) == Summary(DAY, (), left_out=1)
    assert [path.name for path in table(world).iterdir() if path.is_dir()] == ["date=2026-01-20"]


def test_the_command(world: World) -> None:
    """`cauce report daily` takes yesterday unless told otherwise, writes its Parquet and prints a summary."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    world.put(*records(chunk("d1", 1), chunk("d1", 2), timestamp=f"{yesterday}T12:00:00.000Z"))
    world.run()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cauce", "report", "daily", "--archive", "archive", "--output", "out"],
        cwd=world.files.parent,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "CAUCE_STREAMING_JAVA_OPTIONS": QUICK_JAVA,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{yesterday}: chunks: 2, documents: 1, companies: 1",
        "  acme: chunks: 2, documents: 1",
        f"written to out/daily_chunks/date={yesterday}",
    ]
    assert list((world.files.parent / "out" / "daily_chunks" / f"date={yesterday}").glob("*.parquet"))
