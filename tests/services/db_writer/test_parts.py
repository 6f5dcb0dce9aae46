from __future__ import annotations

import pytest

from services.db_writer.parts import Tally, Version, completions, failed, last_of_each, newest, redriven
from shared.contracts.chunks import Part
from shared.contracts.costs import Bill
from shared.contracts.documents import Reason, Stage, State
from shared.kafka.records import Message
from tests.redriven import redriven as back
from tests.services.db_writer.samples import COST, RECEIVED_AT, chunk, messages, said, vector


def test_of_several_versions_of_a_chunk_the_newest_stays() -> None:
    """Whatever their order, one part per id is left: the greatest version's; of equal ones the last."""
    older, newer = chunk(version=1, content="c"), chunk(version=2, content="c")
    again = newer.model_copy(update={"text": "again"})
    assert newest([older, newer]) == newest([newer, older]) == [newer]
    assert newest([newer, again]) == [again]


def test_a_version_is_complete_when_both_counts_are_reached() -> None:
    """One row too few or too many, of chunks or of vectors, is not complete."""
    last = last_of_each(messages([chunk(index=2, count=3)]))
    tallies = {(3, 3): 1, (2, 3): 0, (3, 2): 0, (0, 0): 0, (4, 3): 0, (4, 4): 0}
    for tally, expected in tallies.items():
        assert len(completions(last, {Version("d", 1): Tally(*tally)})) == expected


def test_each_chunkers_parts_are_a_version_of_their_own() -> None:
    """Of one version cut by two chunkers only the one whose own rows are all there is complete, and says who cut it."""
    last = last_of_each(messages([chunk(index=2, count=5, chunker="f1"), chunk(index=2, count=3, chunker="f2")]))
    assert set(last) == {Version("d", 1, "f1"), Version("d", 1, "f2")}
    (status,) = said(completions(last, {Version("d", 1, "f1"): Tally(3, 2), Version("d", 1, "f2"): Tally(3, 3)}))
    assert (status.chunker, status.counts.chunks) == ("f2", 3)


@pytest.mark.parametrize(
    ("version", "current", "late"),
    [
        (Version("d", 1, "f1"), None, False),
        (Version("d", 1, "f1"), Version("d", 2, "f1"), True),
        (Version("d", 1), Version("d", 2), True),
        (Version("d", 2, "f1"), Version("d", 1, "f2"), False),
        (Version("d", 1, "f1"), Version("d", 1, "f1"), False),
        (Version("d", 1, "f1"), Version("d", 1, "f2"), True),
        (Version("d", 1), Version("d", 1, "f2"), True),
        (Version("d", 1, "f1"), Version("d", 1), False),
    ],
)
def test_what_is_late(version: Version, current: Version | None, late: bool) -> None:
    """Late is what is older than the current version, or was cut by another chunker than it, if that is known."""
    assert version.is_late(current) is late


def test_completion_is_said_with_the_records_time() -> None:
    """The status carries counts, content and the time of the version's last record, and names that record as cause."""
    batch: list[Message[Part]] = [
        Message(found.record, found.event) for found in messages([chunk(count=1), vector(count=1)])
    ]
    (emit,) = completions(last_of_each(batch), {Version("d", 1): Tally(1, 1, COST)})
    (status,) = said([emit])
    assert emit.cause is batch[1].record
    assert (status.state, status.stage) == (State.COMPLETE, Stage.DB_WRITER)
    assert (status.counts.chunks, status.counts.vectors, status.counts.pages) == (1, 1, None)
    assert (status.at, status.content_sha256) == (batch[1].record.time, "content of 1")
    assert status.bill == Bill(embedding=COST)
    assert (status.received_at, status.chunker) == (RECEIVED_AT, None)


def test_of_redriven_parts_it_is_said_that_they_are_written() -> None:
    """Each by its first position, since that is what had failed; of others nothing is said."""
    batch: list[Message[Part]] = [Message(found.record, found.event) for found in messages([chunk(), vector()])]
    again = Message(back(batch[0].record, times=2), batch[0].event)
    (status,) = said(redriven([again, batch[1]]))
    assert (status.state, status.stage) == (State.PROCESSING, Stage.DB_WRITER)
    assert (status.source, status.attempt, status.at) == ("t-0-0", 2, again.record.time)
    (status,) = said([failed(again, Reason(code="bug", message="no"))])
    assert (status.source, status.attempt) == ("t-0-0", 2)
