from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.db_writer.logs import UNKNOWN_ID, Action, Keep, Mismatch, Missing, Publish, Standing, decide, ends_of
from shared.contracts.documents import DocumentStatus, Stage, State
from shared.contracts.topics import OFFSETS_PER_INCARNATION, StoredLog, TopicAdopted
from shared.kafka.incarnation import mismatch

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TOPIC = "uploads.received"
ENDS = {0: 4, 1: 2}


def adopted(topic_id: str = "A", incarnation: int = 0, *, stored: bool = False) -> TopicAdopted:
    return TopicAdopted(topic=TOPIC, topic_id=topic_id, incarnation=incarnation, adopted_at=NOW, stored=stored)


def log(topic_id: str = "A", incarnation: int = 0, **ends: int) -> StoredLog:
    found = {int(number[1:]): end for number, end in ends.items()}
    return StoredLog(topic=TOPIC, topic_id=topic_id, incarnation=incarnation, ends=found)


def decided(
    in_force: TopicAdopted | None, stored: StoredLog | None, topic_id: str | None = "A", greatest: int | None = None
) -> Action | None:
    return decide(Standing(TOPIC, topic_id, ENDS, in_force, stored, greatest), NOW)


def test_a_topic_that_nothing_is_stored_of_is_kept() -> None:
    """As at the first start; with documents, too, whose versions this log can have made."""
    assert decided(adopted(), None) == Keep(log(), None)
    assert decided(adopted(), None, greatest=3) == Keep(log(), None)


def test_an_adoption_is_kept() -> None:
    """The log of before, and how far the store had seen it, give way to the one in force."""
    before = log("A", 0, _0=99)
    assert decided(adopted("B", 1), before, "B") == Keep(log("B", 1), before)


def test_the_gateway_is_told_that_the_store_knows() -> None:
    """Once, and only where the store has what is in force."""
    assert decided(adopted(), log()) == Publish(adopted(stored=True))
    assert decided(adopted(stored=True), log(_0=4)) is None


@pytest.mark.parametrize("in_force", [None, adopted("A", 0)])
def test_a_lost_record_is_restored_from_the_store(in_force: TopicAdopted | None) -> None:
    """Where `topics.control` alone was lost the topic goes on under the incarnation that it had."""
    action = decided(in_force, log("A", 3))
    assert isinstance(action, Publish)
    assert (action.record.topic_id, action.record.incarnation, action.record.stored) == ("A", 3, True)


@pytest.mark.parametrize(
    ("in_force", "stored", "topic_id", "told"),
    [
        (adopted("B"), log("A"), "B", "came from another"),
        (adopted("A"), log("A"), "B", "another topic than the one in force"),
        (adopted("A"), log("B", 2), "A", "came from another"),
        (
            adopted("A", stored=True),
            log(_1=3),
            "A",
            "uploads.received-1 ends at 2, but the stores have seen it up to 3",
        ),
    ],
)
def test_a_mismatch_is_said_and_nothing_done(
    in_force: TopicAdopted, stored: StoredLog, topic_id: str, told: str
) -> None:
    """With the command that goes on."""
    action = decided(in_force, stored, topic_id)
    assert isinstance(action, Mismatch)
    assert told in action.why
    assert action.why.endswith("`cauce topics adopt` shows what is lost, and how to go on")


def test_what_is_not_there_yet_is_waited_for() -> None:
    """A topic, or the record of it, that `cauce topics apply` has yet to make."""
    assert decided(None, None) == Missing(f"`topics.control` says nothing of `{TOPIC}`: run `cauce topics apply`")
    assert decided(adopted(), None, None) == Missing(f"`{TOPIC}` is not there: run `cauce topics apply`")


@pytest.mark.parametrize(
    ("greatest", "kept"),
    [
        (4, log("A", 0, _0=5)),
        (99, log("A", 0, _0=100)),
        (2 * OFFSETS_PER_INCARNATION + 7, log(UNKNOWN_ID, 2, _0=8)),
    ],
)
def test_documents_that_this_log_can_not_have_made_are_no_first_start(greatest: int, kept: StoredLog) -> None:
    """A log lost together with the upgrade from 0.1.0, which kept nothing of it: the store says from now on how far it
    had come, which is a mismatch, until a person adopts what is there."""
    assert decided(adopted(), None, greatest=greatest) == Keep(kept, None)
    assert mismatch(TOPIC, "A", adopted(), kept, ENDS) is not None
    assert isinstance(decided(adopted(), kept), Mismatch)
    assert decided(adopted("A", 3), kept) == Keep(log("A", 3), kept)


def status(version: int, partition: int | None) -> DocumentStatus:
    return DocumentStatus(
        document_id="d",
        company_id="acme",
        version=version,
        state=State.RECEIVED,
        stage=Stage.INGEST,
        at=NOW,
        content_sha256="c",
        partition=partition,
    )


def test_ends_follow_from_what_was_told() -> None:
    """The offset after the greatest of each partition, by incarnation; who doesn't know the partition says nothing."""
    second = OFFSETS_PER_INCARNATION
    told = [status(5, 0), status(3, 0), status(9, 1), status(second + 1, 0), status(99, None)]
    assert ends_of(told) == {0: {0: 6, 1: 10}, 1: {0: 2}}
