from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.contracts.topics import OFFSETS_PER_INCARNATION, StoredLog, TopicAdopted, incarnation_of, offset_of
from shared.kafka.client.adoption import fold_adopted
from shared.kafka.incarnation import is_to_be_restored, mismatch
from shared.kafka.records import Partition, Record

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TOPIC = "uploads.received"


def adopted(topic_id: str = "A", incarnation: int = 0) -> TopicAdopted:
    return TopicAdopted(topic=TOPIC, topic_id=topic_id, incarnation=incarnation, adopted_at=NOW)


def stored(topic_id: str = "A", incarnation: int = 0, **ends: int) -> StoredLog:
    return StoredLog(
        topic=TOPIC, topic_id=topic_id, incarnation=incarnation, ends={int(k[1:]): v for k, v in ends.items()}
    )


@pytest.mark.parametrize(
    ("topic_id", "in_force", "in_store", "told"),
    [
        ("A", adopted(), None, None),
        ("A", adopted(), stored(), None),
        ("A", adopted(), stored(_0=4, _1=2), None),
        ("B", adopted("B", 1), stored("A", 0, _0=99), None),
        (None, adopted(), stored(), "is not there: run `cauce topics apply`"),
        ("A", None, stored(), "says nothing of `uploads.received`: run `cauce topics apply`"),
        ("B", adopted("A"), stored("A"), "is another topic than the one in force"),
        ("B", adopted("B"), stored("A"), "came from another `uploads.received`"),
        ("A", adopted("A", 0), stored("A", 2), "came from another `uploads.received`"),
        ("A", adopted(), stored(_0=4, _1=3), "uploads.received-1 ends at 2, but the stores have seen it up to 3"),
        ("A", adopted(), stored(_5=1), "uploads.received-5 ends at 0, but the stores have seen it up to 1"),
    ],
)
def test_a_topic_is_the_one_that_the_stores_know_or_nothing_is_written_to_it(
    topic_id: str | None, in_force: TopicAdopted | None, in_store: StoredLog | None, told: str | None
) -> None:
    """Otherwise a new version could be older than one that the store has, and vanish without a word."""
    said = mismatch(TOPIC, topic_id, in_force, in_store, {0: 4, 1: 2})
    assert (said is None) if told is None else (told in (said or ""))


@pytest.mark.parametrize(
    ("in_force", "in_store", "restored"),
    [
        (None, stored("A", 3), True),
        (adopted("A", 0), stored("A", 3), True),
        (adopted("A", 3), stored("A", 3), False),
        (adopted("A", 4), stored("A", 3), False),
        (adopted("A", 0), stored("B", 3), False),
        (adopted("A", 0), None, False),
    ],
)
def test_what_was_in_force_comes_back_from_the_store(
    in_force: TopicAdopted | None, in_store: StoredLog | None, restored: bool
) -> None:
    """Where only the record of it was lost, and the topic is the one that the store knows."""
    assert is_to_be_restored("A", in_force, in_store) is restored


def test_versions_grow_with_the_incarnation() -> None:
    """The first of a new log lies above the last of the one before, and can be taken apart again."""
    last = adopted(incarnation=0).base + 10_000_000_000
    first = adopted(incarnation=1).base
    assert first > last
    assert (incarnation_of(first + 7), offset_of(first + 7)) == (1, 7)
    assert adopted(incarnation=2**13 - 1).base + OFFSETS_PER_INCARNATION <= 2**53


def test_an_incarnation_never_goes_back() -> None:
    """Two commands at once may write in the wrong order; what can't be read is passed over."""
    values = [adopted("A", 1).to_json(), adopted("A", 2).to_json(), adopted("A", 1).to_json(), b"{}", None]
    records = [Record(Partition("topics.control", 0), n, 0, b"k", value) for n, value in enumerate(values)]
    assert fold_adopted(records)[TOPIC].incarnation == 2
