from __future__ import annotations

from services.db_writer.parts import Tally, Version, completions, last_of_each, newest
from shared.contracts.chunks import Part
from shared.contracts.documents import Stage, State
from shared.kafka.records import Message
from tests.services.db_writer.samples import RECEIVED_AT, chunk, messages, said, vector


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


def test_completion_is_said_with_the_records_time() -> None:
    """The status carries counts, content and the time of the version's last record, and names that record as cause."""
    batch: list[Message[Part]] = [
        Message(found.record, found.event) for found in messages([chunk(count=1), vector(count=1)])
    ]
    (emit,) = completions(last_of_each(batch), {Version("d", 1): Tally(1, 1)})
    (status,) = said([emit])
    assert emit.cause is batch[1].record
    assert (status.state, status.stage) == (State.COMPLETE, Stage.DB_WRITER)
    assert (status.counts.chunks, status.counts.vectors, status.counts.pages) == (1, 1, None)
    assert (status.at, status.content_sha256) == (batch[1].record.time, "content of 1")
    assert status.received_at == RECEIVED_AT
