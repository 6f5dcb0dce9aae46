"""The documents pipeline's handler on a real MongoDB."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database

from services.db_writer.handlers import Documents, document_failed
from services.db_writer.mongo import MongoStore
from shared.contracts.base import Event
from shared.contracts.documents import DocumentStatus, Receipt, Stage, State
from shared.errors import Code
from shared.kafka.deadletters import Failure
from tests.services.db_writer.samples import Documents as Rows
from tests.services.db_writer.samples import chunk, chunks, messages, said, status, vector, vectors

pytestmark = pytest.mark.fleet
Mongo = Database[Rows]


@pytest.fixture
def handler(store: MongoStore) -> Documents:
    return Documents(store)


async def feed(handler: Documents, *batches: Sequence[Event]) -> list[DocumentStatus]:
    """What the handler says, batch after batch; nothing is fed back."""
    told: list[DocumentStatus] = []
    for batch in batches:
        told += said((await handler.handle(messages(batch))).emits)  # type: ignore[arg-type]
    return told


async def feed_back(handler: Documents, *batches: Sequence[Event]) -> None:
    """As the topic does: what the handler says comes back to it."""
    for batch in batches:
        if told := await feed(handler, batch):
            await feed(handler, told)


def state(database: Mongo) -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored, without the revision numbers."""
    return {
        name: list(database[name].find({}, {"rev": 0}).sort("_id")) for name in ("documents", "chunks", "embeddings")
    }


def versions(database: Mongo) -> list[set[int]]:
    return [set(database[name].distinct("version")) for name in ("chunks", "embeddings")]


@pytest.mark.parametrize("chunks_first", [True, False])
async def test_the_last_part_makes_it_complete(handler: Documents, chunks_first: bool) -> None:
    """Whether the chunks or the vectors come last, `complete` is said with the last of them and not before."""
    first, second = (chunks("d", 1, 3), vectors("d", 1, 3))[:: 1 if chunks_first else -1]
    assert await feed(handler, first, second[:1], second[1:2]) == []
    (complete,) = await feed(handler, second[2:])
    assert (complete.state, complete.version, complete.counts.chunks, complete.counts.vectors) == ("complete", 1, 3, 3)


async def test_one_batch_may_hold_it_all(handler: Documents) -> None:
    """Several documents, repeated records and other documents' parts in one batch: each complete one is told once."""
    batch = [*chunks("d", 1, 2), *vectors("e", 4, 1), *vectors("d", 1, 2), *chunks("d", 1, 2), *chunks("e", 4, 1)]
    told = await feed(handler, [*batch, chunk("f", 1, 0, 2)])
    assert {(found.document_id, found.version) for found in told} == {("d", 1), ("e", 4)}
    assert len(told) == 2


async def test_a_new_content_takes_the_place_of_the_old(handler: Documents, database: Mongo) -> None:
    """While it arrives the old rows stay; once it is complete they are gone."""
    await feed_back(handler, chunks("d", 1, 3), vectors("d", 1, 3), chunks("d", 2, 2))
    assert versions(database) == [{1, 2}, {1}]
    await feed_back(handler, vectors("d", 2, 2))
    assert versions(database) == [{2}, {2}]
    (document,) = state(database)["documents"]
    assert document["current"]["version"] == document["version"] == 2


async def test_the_same_content_again_moves_its_rows(handler: Documents, database: Mongo) -> None:
    """A version with the same chunk ids takes the rows over: none are added, none are lost."""
    await feed_back(handler, chunks("d", 1, 3, "c"), vectors("d", 1, 3, "c"))
    await feed_back(handler, chunks("d", 2, 3, "c"), vectors("d", 2, 3, "c"))
    assert versions(database) == [{2}, {2}]
    assert [database[name].count_documents({}) for name in ("chunks", "embeddings")] == [3, 3]


async def test_late_parts_of_an_old_version_leave_no_trace(handler: Documents, database: Mongo) -> None:
    """What a zombie or a replay writes of an older content is removed by the writer itself, and nothing is said."""
    await feed_back(handler, chunks("d", 2, 2), vectors("d", 2, 2))
    before = state(database)
    assert await feed(handler, chunks("d", 1, 3), vectors("d", 1, 3)) == []
    assert state(database) == before


async def test_a_version_cut_by_two_chunkers(handler: Documents, database: Mongo) -> None:
    """Where a docproc dies half way and its successor cuts otherwise, the whole cut is complete and the other goes."""
    begun = [*chunks("d", 1, 5, "c", "f1")[:3], *vectors("d", 1, 5, "c", "f1")[:2]]
    whole = [*chunks("d", 1, 3, "c", "f2"), *vectors("d", 1, 3, "c", "f2")]
    assert await feed(handler, begun, *([part] for part in whole[:-1])) == []
    (complete,) = told = await feed(handler, whole[-1:])
    assert (complete.state, complete.chunker, complete.counts.chunks) == ("complete", "f2", 3)
    await feed(handler, told)
    after = state(database)
    assert [{row["chunker"] for row in after[name]} for name in ("chunks", "embeddings")] == [{"f2"}, {"f2"}]
    assert [len(after[name]) for name in ("chunks", "embeddings")] == [3, 3]
    assert after["documents"][0]["current"]["chunker"] == "f2"
    assert await feed(handler, [vector("d", 1, 2, 5, "c", chunker="f1")], begun, whole) == []
    assert state(database) == after


async def test_two_chunkers_with_as_many_rows_together(handler: Documents) -> None:
    """Parts of two cuts are never added up, nor does one cut's number make the other complete."""
    parts = [*chunks("d", 1, 3, "c", "f1")[:2], *vectors("d", 1, 3, "c", "f1")[:2]]
    assert await feed(handler, parts, chunks("d", 1, 3, "c", "f2")[:1], vectors("d", 1, 3, "c", "f2")[:1]) == []


async def test_both_cuts_complete_at_once(handler: Documents, database: Mongo) -> None:
    """Where two chunkers' parts are all there before either is announced, the first one announced stays, whole."""
    told = await feed(handler, *([*chunks("d", 1, 2, "c", f), *vectors("d", 1, 2, "c", f)] for f in ("f2", "f1")))
    assert [found.chunker for found in told] == ["f2", "f1"]
    for again in (told, told[1:], told):
        await feed(handler, *([found] for found in again))
        after = state(database)
        assert after["documents"][0]["current"]["chunker"] == "f2"
        assert [[row["chunker"] for row in after[name]] for name in ("chunks", "embeddings")] == [["f2"] * 2] * 2


async def test_the_same_content_again_by_another_chunker(handler: Documents, database: Mongo) -> None:
    """The old cut stays what readers see, whole, until the new one is; then the old one is gone."""
    await feed_back(handler, [*chunks("d", 1, 3, "c", "f1"), *vectors("d", 1, 3, "c", "f1")])
    await feed_back(handler, chunks("d", 2, 2, "c", "f2"), vectors("d", 2, 2, "c", "f2")[:1])
    current = state(database)["documents"][0]["current"]
    seen = {"document_id": "d", "content_sha256": current["content_sha256"], "chunker": current["chunker"]}
    assert current["version"] == 1
    assert sorted(database["chunks"].distinct("_id", seen)) == [f"d:c:f1:{index}" for index in range(3)]
    await feed_back(handler, vectors("d", 2, 2, "c", "f2")[1:])
    after = state(database)
    assert (after["documents"][0]["current"]["version"], after["documents"][0]["current"]["chunker"]) == (2, "f2")
    assert [{row["chunker"] for row in after[name]} for name in ("chunks", "embeddings")] == [{"f2"}, {"f2"}]


async def test_parts_that_do_not_say_who_cut_them(handler: Documents, database: Mongo) -> None:
    """A version that was complete before parts named their chunker loses nothing when a replay names it."""
    await feed_back(handler, [*chunks("d", 1, 3, "c"), *vectors("d", 1, 3, "c")])
    named = [part.model_copy(update={"chunker": "f1"}) for part in (*chunks("d", 1, 3, "c"), *vectors("d", 1, 3, "c"))]
    for part in named:
        await feed_back(handler, [part])
        assert [database[name].count_documents({}) for name in ("chunks", "embeddings")] == [3, 3]
    assert state(database)["documents"][0]["current"]["chunker"] == "f1"


async def test_a_newer_version_in_progress_is_left_alone(handler: Documents, database: Mongo) -> None:
    """The completion of a version deletes nothing of a newer one."""
    await feed_back(handler, chunks("d", 3, 5)[:4], chunks("d", 2, 1), vectors("d", 2, 1))
    assert versions(database) == [{2, 3}, {2}]


async def test_a_replay_changes_nothing(handler: Documents, database: Mongo) -> None:
    """All records again, from the start, in other batches, twice: documents, chunks and vectors are the same."""
    statuses = [status(State.PROCESSING, Stage.INGEST, version=version) for version in (1, 2)]
    records: list[Event] = [statuses[0], *chunks("d", 1, 4), *vectors("d", 1, 4)]
    records += [statuses[1], *chunks("d", 2, 3), *vectors("d", 2, 3)]
    await feed_back(handler, *([record] for record in records))
    first = state(database)
    for size in (1, 5):
        await feed_back(handler, *(records[start : start + size] for start in range(0, len(records), size)))
        assert state(database) == first


@pytest.mark.parametrize("seed", range(15))
async def test_two_writers_leave_no_orphans(handler: Documents, mongodb_url: str, database: Mongo, seed: int) -> None:
    """Two writers at once, each with any of the parts of two contents: what stays is the newer one, whole."""
    chance = random.Random(seed)
    other = MongoStore(mongodb_url, database.name)
    parts: list[Event] = [*chunks("d", 1, 6), *vectors("d", 1, 6), *chunks("d", 2, 4), *vectors("d", 2, 4)]
    chance.shuffle(parts)
    batches = [[part] for part in parts]
    await asyncio.gather(feed_back(handler, *batches[::2]), feed_back(Documents(other), *batches[1::2]))
    await other.close()
    assert versions(database) == [{2}, {2}]
    assert [database[name].count_documents({}) for name in ("chunks", "embeddings")] == [4, 4]
    (document,) = state(database)["documents"]
    assert (document["state"], document["current"]["version"]) == ("complete", 2)


@pytest.mark.parametrize("seed", range(8))
async def test_two_writers_of_two_cuts(handler: Documents, mongodb_url: str, database: Mongo, seed: int) -> None:
    """Two writers at once, each with any of the parts of two cuts of one version: one of the two stays, whole."""
    chance = random.Random(seed)
    other = MongoStore(mongodb_url, database.name)
    parts = [part for f in ("f1", "f2") for part in (*chunks("d", 1, 4, "c", f), *vectors("d", 1, 4, "c", f))]
    chance.shuffle(parts)
    batches: list[list[Event]] = [[part] for part in parts]
    await asyncio.gather(feed_back(handler, *batches[::2]), feed_back(Documents(other), *batches[1::2]))
    await other.close()
    after = state(database)
    (document,) = after["documents"]
    for name in ("chunks", "embeddings"):
        assert [row["chunker"] for row in after[name]] == [document["current"]["chunker"]] * 4


async def test_writers_of_one_documents_statuses_lose_none(
    handler: Documents, mongodb_url: str, database: Mongo
) -> None:
    """Two writers that fold different statuses of one document at once both have their say."""
    other = MongoStore(mongodb_url, database.name)
    stages = [status(State.PROCESSING, stage) for stage in (Stage.INGEST, Stage.DOCPROC, Stage.EMBEDDING)]
    told = [status(State.RECEIVED, Stage.GATEWAY), *stages, status(State.COMPLETE)]
    for document in "abcdefgh":
        mine = [found.model_copy(update={"document_id": document}) for found in told]
        await asyncio.gather(feed(handler, *([found] for found in mine[::2])), feed(Documents(other), mine[1::2]))
    await other.close()
    documents = state(database)["documents"]
    assert len(documents) == 8
    for found in documents:
        assert found["state"] == "complete"
        assert {(step["stage"], step["state"]) for step in found["timeline"]} == {(s.stage, s.state) for s in told}


def test_a_part_that_cannot_be_written_fails_its_version() -> None:
    """Its dead letter comes with a status that names the reason; a status' own dead letter tells nobody."""
    failure = Failure(Code.STORE_REJECTED, "too large", 1, datetime.now(UTC))
    part, told = messages([chunk("d", 5), status(State.COMPLETE)])
    (failed,) = said(document_failed(part, failure))  # type: ignore[arg-type]
    assert (failed.state, failed.stage, failed.version) == (State.FAILED, Stage.DB_WRITER, 5)
    assert failed.reason is not None
    assert (failed.reason.code, failed.reason.message) == ("store_rejected", "too large")
    assert failed.at == part.record.time
    assert document_failed(told, failure) == ()  # type: ignore[arg-type]


def deletion(version: int, stage: Stage = Stage.DOCPROC) -> DocumentStatus:
    told = status(State.DELETING, stage, version=version)
    return told.model_copy(update={"receipt": Receipt(objects=1)}) if stage is Stage.DOCPROC else told


async def test_a_deletion_takes_every_row_and_says_how_many(handler: Documents, database: Mongo) -> None:
    """Rows of all versions before it go, those of other documents stay, and the receipt is in the document."""
    await feed_back(handler, chunks("d", 1, 3), vectors("d", 1, 3), chunks("d", 2, 2), chunks("e", 1, 1))
    await feed_back(handler, [deletion(3, Stage.GATEWAY)], [deletion(3, Stage.INGEST)], [deletion(3)])
    assert [row["document_id"] for row in state(database)["chunks"]] == ["e"]
    assert state(database)["embeddings"] == []
    (document,) = state(database)["documents"]
    assert (document["state"], document["current"], document["tombstone"]) == ("deleted", None, 3)
    assert document["receipt"] == {"objects": 1, "chunks": 5, "vectors": 3}


async def test_a_deletion_that_a_crash_repeats_keeps_its_receipt(handler: Documents, database: Mongo) -> None:
    """Before anything goes it is counted, and the count kept: a second run finds nothing and says the same."""
    await feed_back(handler, chunks("d", 1, 3), vectors("d", 1, 3))
    first = await feed(handler, [deletion(2)])
    assert await feed(handler, [deletion(2)]) == first
    await feed(handler, first)
    assert state(database)["documents"][0]["receipt"] == {"objects": 1, "chunks": 3, "vectors": 3}


async def test_nothing_of_a_deleted_version_comes_back(handler: Documents, database: Mongo) -> None:
    """Chunks and vectors that were under way, and whatever is replayed, leave no row; a new upload does."""
    everything: list[Event] = [*chunks("d", 1, 2), *vectors("d", 1, 2), deletion(2)]
    await feed_back(handler, *([event] for event in everything))
    await feed_back(handler, *([event] for event in everything), everything)
    assert versions(database) == [set(), set()]
    assert state(database)["documents"][0]["state"] == "deleted"
    await feed_back(handler, chunks("d", 3, 2), vectors("d", 3, 2))
    await feed_back(handler, everything)
    assert versions(database) == [{3}, {3}]
    assert state(database)["documents"][0]["current"]["version"] == 3


@pytest.mark.parametrize("seed", range(10))
async def test_a_deletion_beside_late_writers_leaves_no_orphans(
    handler: Documents, mongodb_url: str, database: Mongo, seed: int
) -> None:
    """Two writers at once, one of them deleting what the other still writes: no row stays, whoever is first."""
    chance = random.Random(seed)
    other = MongoStore(mongodb_url, database.name)
    parts: list[Event] = [*chunks("d", 1, 6), *vectors("d", 1, 6), deletion(2)]
    chance.shuffle(parts)
    batches = [[part] for part in parts]
    await asyncio.gather(feed_back(handler, *batches[::2]), feed_back(Documents(other), *batches[1::2]))
    await other.close()
    assert versions(database) == [set(), set()]
    assert state(database)["documents"][0]["state"] == "deleted"
