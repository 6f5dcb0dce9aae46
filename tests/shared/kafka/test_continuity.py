from __future__ import annotations

import pytest

from shared.kafka.client.read_marks import ReadMarks
from shared.kafka.continuity import Log, Mark, broken, grown_again
from shared.kafka.records import Partition, Record

ID, OTHER = "0b1f3c52-7a1d-4a57-9d4e-2f6c1f0a9b11", "11111111-7a1d-4a57-9d4e-2f6c1f0a9b11"
PLACE = Partition("work", 2)
LOG = Log(ID, start=10, end=20)


@pytest.mark.parametrize("mark", [Mark(4), Mark(4, ID), Mark(4, ID, (3, 1_700_000_000_000))])
def test_a_mark_comes_back_as_it_was_committed(mark: Mark) -> None:
    """What a group leaves beside an offset is what its next member reads."""
    assert Mark.parse(mark.offset, mark.metadata) == mark


@pytest.mark.parametrize("metadata", ["", "consumer-1", f"{ID}/x/y", f"{ID}/1"])
def test_what_others_have_committed_says_nothing_of_the_log(metadata: str) -> None:
    """Another tool's metadata, or an older release's, is an offset and no more."""
    assert Mark.parse(4, metadata) == Mark(4)


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        (Mark(15), None),
        (Mark(20, ID), None),
        (Mark(10, ID), None),
        (Mark(15, OTHER), "`work` is another topic than `ingest` had read"),
        (Mark(21, ID), "work-2 ends at 20, but `ingest` had read up to 21"),
        (Mark(7), "work-2 begins at 10, but `ingest` had only read up to 7: 3 records were removed unread"),
    ],
)
def test_offsets_and_ids_tell_whether_a_log_is_broken(mark: Mark, told: str | None) -> None:
    """A group goes on only within the log that it has read, between its first record and its end."""
    said = broken("ingest", PLACE, mark, LOG)
    assert (said is None) if told is None else (told in (said or ""))


@pytest.mark.parametrize(
    ("last", "now", "lost"), [(None, 5, False), ((14, 5), 5, False), ((14, 5), None, False), ((14, 5), 6, True)]
)
def test_another_record_in_the_old_place_tells_that_the_log_grew_again(
    last: tuple[int, int] | None, now: int | None, lost: bool
) -> None:
    """By its timestamp; a record that compaction has removed proves nothing."""
    assert (grown_again("ingest", PLACE, Mark(15, ID, last), now) is not None) is lost


def records(*offsets: int) -> list[Record]:
    return [Record(PLACE, offset, 1_000 + offset, b"k", b"v") for offset in offsets]


def test_a_commit_names_the_last_record_below_it() -> None:
    """Also in the middle of what was fetched at a time, and where offsets are missing."""
    marks = ReadMarks()
    marks.read(records(0, 1, 2))
    marks.read(records(5, 6))
    assert marks.last_below(PLACE, 2) == (1, 1_001)
    assert marks.last_below(PLACE, 5) == (2, 1_002)
    assert marks.last_below(PLACE, 6) == (5, 1_005)
    assert marks.last_below(PLACE, 7) == (6, 1_006)


def test_nothing_read_is_nothing_named() -> None:
    """A commit below all that this member has read has no record of its own to name."""
    marks = ReadMarks()
    assert marks.last_below(PLACE, 3) is None
    marks.read(records(7))
    assert marks.last_below(PLACE, 7) is None


def test_what_is_committed_is_forgotten() -> None:
    """A consumer that runs for years remembers no more than what it has not committed."""
    marks = ReadMarks()
    for first in range(0, 10_000, 10):
        marks.read(records(*range(first, first + 10)))
        assert marks.last_below(PLACE, first + 10) == (first + 9, 1_000 + first + 9)
    assert len(marks._stretches[PLACE]) == 1


def test_a_partition_that_is_read_again_begins_anew() -> None:
    """After a rebalance the same records come from the committed offset on."""
    marks = ReadMarks()
    marks.read(records(0, 1, 2, 3))
    marks.read(records(2, 3, 4))
    assert marks.last_below(PLACE, 5) == (4, 1_004)
    assert marks.last_below(PLACE, 3) == (2, 1_002)
