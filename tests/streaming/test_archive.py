from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from shared.streams.loading import load_streams
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_RAW
from streaming import archive
from streaming.archive import ArchivedTopic, Format, archived_topics, checkpoint_path
from streaming.archive_reader import read
from tests.streaming.archive_world import MORNING, NIGHT, Record, World, offsets, records_of
from tests.streaming.conftest import make_settings

TOPIC = CHUNKS_PROCESSED.name
FIRST, LAST = date(2026, 1, 20), date(2026, 1, 21)
FORMATS: tuple[Format, ...] = ("parquet", "json")
ODD = [
    Record(0, '{"text": "grün 🦀 \\u2028 \\" \\\\ \\n"}\r\n\x00\x1f'.encode(), key=b"", headers=()),
    Record(1, b"\xff\xfe{\x00", key=b"\x80", headers=(("ce_id", "ü".encode()), ("raw", b"\xc3"), ("none", None))),
    Record(2, None, key=None),
    Record(3, b"", headers=(("", b""),)),
    # Surrogates, which are no UTF-8, and the longest form of a slash, which some decoders take.
    Record(4, b"\xed\xa0\x80", key=b"\xc0\xaf"),
]


@pytest.fixture
def world(spark: SparkSession, tmp_path: Path) -> World:
    return World(spark, tmp_path)


def archived(world: World) -> list[Record]:
    return records_of(read(world.spark, world.root, TOPIC, FIRST, LAST))


def forget_last_commit(world: World) -> None:
    """As if the process had died between the files and the note that they are there."""
    commits = next(world.checkpoints.glob("archive/*/commits"))
    newest = max(int(path.name) for path in commits.iterdir() if path.name.isdigit())
    for path in (commits / str(newest), commits / f".{newest}.crc"):
        path.unlink(missing_ok=True)


def test_folders_are_the_hours_of_the_records(world: World) -> None:
    """A record lies in the folder of its own timestamp's hour in UTC, padded with zeros; the last millisecond of a day
    is in that day."""
    world.put(Record(0, timestamp=NIGHT), Record(1, timestamp=MORNING), Record(2, timestamp="2026-11-02T09:30:00.000Z"))
    world.run()
    assert world.folders() == [
        "year=2026/month=01/day=20/hour=23",
        "year=2026/month=01/day=21/hour=00",
        "year=2026/month=11/day=02/hour=09",
    ]


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_byte_comes_back(world: World, file_format: Format) -> None:
    """Key, value and headers are read as they were, whatever bytes they are; what is null stays null."""
    world.put(*ODD)
    world.run(file_format)
    assert archived(world) == ODD


def test_a_json_file_is_readable(world: World) -> None:
    """A line is a JSON object with the value as text, its position and its time; base64 only where it is no text."""
    world.put(Record(7, b'{"a": 1}', headers=(("h", b"v"),)), Record(8, b"\xff"))
    world.run("json")
    [path] = world.paths()
    lines = (world.files / TOPIC / path).read_text("utf-8").splitlines()
    position = {"topic": TOPIC, "partition": 0, "timestamp": MORNING, "key": "k"}
    assert [json.loads(line) for line in lines] == [
        position | {"offset": 7, "value": '{"a": 1}', "headers": [{"key": "h", "value": "v"}]},
        position | {"offset": 8, "value_base64": "/w=="},
    ]


def test_a_batch_makes_one_file_of_an_hour(world: World) -> None:
    """Many records of an hour in one batch are one file; nothing else is left beside it."""
    world.put(*(Record(number) for number in range(500)))
    world.run()
    assert len(world.paths()) == 1


def test_a_file_has_a_greatest_number_of_records(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where very many records are of one hour, there are several files."""
    monkeypatch.setattr(archive, "_RECORDS_PER_FILE", 200)
    world.put(*(Record(number) for number in range(500)))
    world.run()
    assert len(world.paths()) == 3
    assert offsets(archived(world)) == list(range(500))


def test_a_batch_that_is_done_again_is_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that repeats a batch writes its files beside the old ones, and the reader drops what is there
    twice."""
    records = [Record(number) for number in range(10)]
    world.put(*records)
    world.run()
    forget_last_commit(world)
    configure = archive.configure_files

    def of_another_process(session: SparkSession) -> None:
        configure(session)
        session.conf.set("mapreduce.output.basename", "another")

    monkeypatch.setattr(archive, "configure_files", of_another_process)
    world.run()
    assert len(world.paths()) == 2
    assert archived(world) == records


def test_a_lost_checkpoint_loses_no_record(world: World) -> None:
    """A query that begins anew beside its old files archives what the topic has, and what it had stays."""
    world.put(Record(0), Record(1))
    world.run()
    world.checkpoints.rename(world.checkpoints.with_name("lost"))
    world.put(Record(2))
    world.run()
    assert offsets(archived(world)) == [0, 1, 2]


def test_a_topic_made_anew_is_another_one(world: World) -> None:
    """The same offset at another time is another record."""
    world.put(Record(0, b"old", NIGHT), Record(0, b"new", MORNING))
    world.run()
    assert [record.value for record in archived(world)] == [b"old", b"new"]


def test_formats_may_change(world: World) -> None:
    """The reader takes files of both formats, and a record that is in both is one."""
    world.put(*ODD)
    world.run("parquet")
    world.put(Record(9))
    world.run("json")
    assert archived(world) == [*ODD, Record(9)]


def test_reads_the_days_that_are_asked_for(world: World) -> None:
    """Both days of the range are included, others not, over the end of a year too."""
    times = ["2025-12-30T12:00:00.000Z", "2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z", NIGHT]
    world.put(*(Record(offset, timestamp=time) for offset, time in enumerate(times)))
    world.run()
    rows = read(world.spark, world.root, TOPIC, date(2025, 12, 31), date(2026, 1, 1))
    assert offsets(records_of(rows)) == [1, 2]


def test_no_folder_is_no_records(world: World) -> None:
    """An archive that isn't there, or a day of it, has no records."""
    assert archived(world) == []


def test_what_is_archived() -> None:
    """The pipeline's topics of documents in the format that is set, and the streams that ask for it in theirs; nothing
    where no archive is set."""
    ratings = next(stream for stream in load_streams() if stream.name == "ratings")
    settings = make_settings(archive_url="/a", archive_format="json")
    found = {each.topic.name: each.format for each in archived_topics([ratings], settings)}
    assert found == {
        "uploads.received": "json",
        "documents.raw": "json",
        "chunks.processed": "json",
        "embeddings.ready": "json",
        "documents.status": "json",
        "ratings": "parquet",
    }
    assert archived_topics([ratings], make_settings()) == ()


def test_another_archive_begins_anew() -> None:
    """The checkpoint follows the topic, the place and the format, and nothing else."""
    here = make_settings(archive_url="/a", checkpoint_url="/c")
    topic = ArchivedTopic(CHUNKS_PROCESSED, "parquet")
    path = checkpoint_path(topic, here)
    assert path.startswith("/c/archive/chunks.processed-")
    assert path == checkpoint_path(topic, here.model_copy(update={"archive_url": "/a/", "archive_batch_records": 1}))
    others = [
        checkpoint_path(replace(topic, topic=DOCUMENTS_RAW), here),
        checkpoint_path(replace(topic, format="json"), here),
        checkpoint_path(topic, here.model_copy(update={"archive_url": "/b"})),
    ]
    assert path not in others
