"""A member that follows its store, with the steps of others in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import LogBroken, StorePutBack, Transient
from shared.kafka.continuity import Mark
from shared.kafka.progress import Bookmark, Bookmarks, Follower, Log
from shared.kafka.records import Partition
from tests.suites.loop_suite import Store

P, Q = Partition("t", 0), Partition("t", 1)
IDS = {"t": "A"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def bookmark(offset: int, topic_id: str = "A") -> Bookmark:
    return Bookmark(offset, topic_id, LONG_AGO)


def offsets(store: Store) -> dict[Partition, int]:
    return {partition: mark.offset for partition, mark in store.bookmarks.items()}


async def begun(store: Store, committed: int, log: Log | None = None) -> tuple[Follower, int]:
    """A member, and where it begins partition P."""
    follower = Follower(store, "tests", "group")
    begins = await follower.begin({P: Mark(committed)}, {P: log or Log("A", 0), Q: Log("A", 0)})
    return follower, begins[P]


@pytest.mark.parametrize(
    ("stored", "committed", "start", "begin"),
    [
        (10, 10, 0, 10),
        (4, 10, 0, 4),
        (10, 4, 0, 4),
        (10, 10, 10, 10),
        (4, 10, 4, 4),
        (None, 10, 0, 0),
        (None, 10, 6, 6),
    ],
)
async def test_a_partition_is_begun_where_store_and_group_both_are(
    stored: int | None, committed: int, start: int, begin: int
) -> None:
    """At the lesser of both; one that the store has nothing of, at the first record kept."""
    store = Store()
    store.bookmarks = {Q: bookmark(1)} | ({} if stored is None else {P: bookmark(stored)})
    assert (await begun(store, committed, Log("A", start)))[1] == begin


async def test_a_bookmark_of_another_topic_says_nothing() -> None:
    """Its offsets are those of another log; that it is another is for others to say."""
    store = Store()
    store.bookmarks = {P: bookmark(4, "B")}
    assert (await begun(store, 10))[1] == 10


async def test_what_is_not_kept_any_more_is_said() -> None:
    """Retention has removed what the store lacks: nobody goes on before a person has adopted that; then everything
    kept is read."""
    store = Store()
    store.bookmarks = {P: bookmark(4)}
    for start, committed in ((6, 10), (10, 10)):
        with pytest.raises(LogBroken, match=rf"begins at {start}.*put back to 4.*{start - 4} records.*topics adopt"):
            await begun(store, committed, Log("A", start))
        with pytest.raises(LogBroken):
            await begun(store, committed, Log("A", start, LONG_AGO - timedelta(days=1)))
        assert (await begun(store, committed, Log("A", start, LONG_AGO + timedelta(days=1))))[1] == start


async def test_a_bookmark_is_raised_from_what_was_seen_alone() -> None:
    """A store that was put back between two commits isn't said to have what it lacks, nor is anything told before the
    partitions are begun anew."""
    store = Store()
    follower, _ = await begun(store, 0)
    await follower.save({P: 5}, IDS)
    backup = store.backup()
    await follower.save({P: 9}, IDS)
    store.put_back(backup)
    for _ in range(2):
        with pytest.raises(StorePutBack, match="`group`"):
            await follower.save({P: 12}, IDS)
        with pytest.raises(StorePutBack):
            await follower.check([])
    assert offsets(store) == {P: 5}
    assert (await follower.begin({P: Mark(12)}, {P: Log("A", 0)}))[P] == 5
    await follower.save({P: 12}, IDS)
    assert offsets(store) == {P: 12}


async def test_what_another_member_has_told_is_no_loss() -> None:
    """A member that sleeps while another goes on sees more than it has told; its own word changes nothing then."""
    store = Store()
    sleeper, _ = await begun(store, 0)
    await sleeper.save({P: 5}, IDS)
    other, _ = await begun(store, 5)
    await other.save({P: 9}, IDS)
    await sleeper.save({P: 7}, IDS)
    await sleeper.check([P])
    assert offsets(store) == {P: 9}
    await other.save({P: 11}, IDS)
    assert offsets(store) == {P: 11}


class LosesAnswers(Store):
    """Writes, and then seems to be away."""

    async def save(self, bookmarks: Bookmarks, instead_of: Bookmarks) -> bool:
        await super().save(bookmarks, instead_of)
        raise Transient("the answer is lost")


async def test_a_lost_answer_is_no_loss() -> None:
    """A bookmark that was written, though nobody told, is found the next time."""
    store = LosesAnswers()
    follower, _ = await begun(store, 0)
    await follower.save({P: 5}, IDS)
    await follower.save({P: 9}, IDS)
    await follower.save({P: 9}, IDS)
    await follower.check([P])
    assert offsets(store) == {P: 9}


async def test_a_store_that_is_new_to_it_is_told_of_all_partitions() -> None:
    """So that one without a bookmark is, from then on, one of which nothing was written."""
    store = Store()
    store.rows = {1}
    follower = Follower(store, "tests", "group")
    logs = {P: Log("A", 0), Q: Log("A", 0)}
    assert await follower.begin({P: Mark(3), Q: Mark(4)}, logs) == {P: 3, Q: 4}
    assert offsets(store) == {P: 3, Q: 4}
