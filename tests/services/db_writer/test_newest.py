"""Documents with versions in a real MongoDB: which of them stays, and what is written for it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.db_writer.mongo import MongoStore
from services.db_writer.newest import NewestStays
from shared.errors import Code, Permanent
from tests.services.db_writer.samples import Documents

pytestmark = pytest.mark.fleet
Mongo = Database[Documents]
AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)


@pytest.fixture
def things(store: MongoStore) -> NewestStays:
    return NewestStays(store.database["things"], ("at", "n"))


def thing(key: str = "t", second: int = 0, n: int = 0, **fields: Any) -> dict[str, Any]:
    return {"_id": key, "at": AT + timedelta(seconds=second), "n": n, **fields}


def stored(database: Mongo) -> list[dict[str, Any]]:
    return list(database["things"].find().sort("_id"))


def written(database: Mongo) -> list[str]:
    """What the server was asked to do to the collection since it takes notes, reads left out."""
    return [note["op"] for note in database["system.profile"].find({"ns": f"{database.name}.things"}).sort("ts")]


@pytest.mark.parametrize("known", [False, True])
async def test_the_greatest_version_stays(things: NewestStays, database: Mongo, known: bool) -> None:
    """Written one after the other in any order, by inserting first or by looking first; those refused are counted."""
    versions = [(0, 5), (1, 2), (1, 3), (0, 9)]
    for order in itertools.permutations(versions):
        database["things"].delete_many({})
        refused = 0
        for second, n in order:
            things._known = known
            refused += await things.write([thing("t", second, n)])
        assert stored(database) == [thing("t", 1, 3)]
        assert refused == sum(order[place] < max(order[: place + 1]) for place in range(4))


@pytest.mark.parametrize("known", [False, True])
async def test_an_equal_version_is_written_again(things: NewestStays, database: Mongo, known: bool) -> None:
    """Of documents with one version the last one stays, as in the fold, also where only one field differs."""
    await things.write([thing("t", word="first"), thing("u"), thing("v")])
    things._known = known
    assert await things.write([thing("t", word="second"), thing("u"), thing("v")]) == 0
    assert stored(database)[0] == thing("t", word="second")


async def test_it_remembers_whether_the_last_batch_was_new(things: NewestStays, database: Mongo) -> None:
    """The first batch and one after new documents are inserted at once; a replay is looked up first."""
    batch = [thing(f"t{place}", 5, place) for place in range(50)]
    seen = []
    for documents in (batch, batch, batch, [*batch[:9], *(thing(f"new{place}") for place in range(41))]):
        await things.write(documents)
        seen.append(things._known)
    assert seen == [False, True, True, False]
    assert len(stored(database)) == 91


async def test_a_replay_writes_one_document_for_its_acknowledgement(things: NewestStays, database: Mongo) -> None:
    """What is stored to the letter isn't written; the last of the batch is, after the look, with the same concern."""
    batch = [thing(f"t{place}", text="x" * 100) for place in range(500)]
    await things.write(batch)
    things._known = True
    database.command("profile", 2)
    assert await things.write(batch) == 0
    database.command("profile", 0)
    assert written(database) == ["query", "update"]
    note: dict[str, Any] = database["system.profile"].find_one({"op": "update"}) or {}
    assert (note["nMatched"], note["nModified"]) == (1, 0)


async def test_a_batch_of_all_kinds(things: NewestStays, database: Mongo) -> None:
    """New, the same, older and newer documents side by side: each ends as it would alone."""
    before = [thing("newer", 5), thing("older", 5), thing("same", 5)]
    for known in (False, True):
        database["things"].delete_many({})
        await things.write(before)
        things._known = known
        batch = [thing("added"), thing("newer", 6), thing("older", 4), thing("same", 5)]
        assert await things.write(batch) == 1
        assert stored(database) == [thing("added"), thing("newer", 6), thing("older", 5), thing("same", 5)]


@pytest.mark.parametrize("known", [False, True])
async def test_what_bson_cannot_hold_is_refused(things: NewestStays, database: Mongo, known: bool) -> None:
    """A whole number beyond 64 bits is the record's own fault, whichever way is taken."""
    things._known = known
    for batch in ([thing(value=2**70)], [thing(value=2**70), thing("u")]):
        with pytest.raises(Permanent) as caught:
            await things.write(batch)
        assert caught.value.code is Code.STORE_REJECTED


async def test_nothing_is_written_for_nothing(things: NewestStays) -> None:
    """An empty batch asks the server nothing."""
    assert await things.write([]) == 0
