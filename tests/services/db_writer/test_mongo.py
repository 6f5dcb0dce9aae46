"""Documents and parts in a real MongoDB."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson.binary import Binary, BinaryVectorDtype
from pymongo.database import Database
from pymongo.errors import OperationFailure

from services.db_writer.mongo import MongoStore, late_rows
from services.db_writer.mongo_errors import map_pymongo_errors
from services.db_writer.parts import Standing, Tally, Version
from services.db_writer.statuses import changed
from shared.contracts.documents import Stage, State
from shared.errors import Code, Fatal, Permanent, Transient
from tests.services.db_writer.proxy import proxy_to
from tests.services.db_writer.samples import COST, RECEIVED_AT, Documents, chunk, chunks, status, vector, vectors

pytestmark = pytest.mark.fleet
Mongo = Database[Documents]


@asynccontextmanager
async def closing(store: MongoStore) -> AsyncIterator[MongoStore]:
    try:
        yield store
    finally:
        await store.close()


def versions(database: Mongo, collection: str = "chunks") -> dict[str, int]:
    return {row["_id"]: row["version"] for row in database[collection].find()}


async def test_older_never_overwrites_newer(store: MongoStore, database: Mongo) -> None:
    """In whichever order three versions of a row come, the newest stays, and those refused are counted."""
    counted = [
        await store.write([chunk(version=version, content="c")], [vector(version=version, content="c")])
        for version in (2, 1, 3, 3, 2)
    ]
    assert counted == [0, 2, 0, 0, 2]
    assert versions(database) == versions(database, "embeddings") == {"d:c:0": 3}
    assert database["chunks"].find_one({}, ["text"]) == {"_id": "d:c:0", "text": "text 0 as of 3"}


async def test_writers_side_by_side_leave_the_newest(store: MongoStore, database: Mongo) -> None:
    """When versions of the same rows are inserted at the same moment, no newer one is taken for superseded."""
    for attempt in range(20):
        writes = [store.write(chunks("d", version, 20, f"c{attempt}"), []) for version in (1, 2, 3, 4)]
        random.Random(attempt).shuffle(writes)
        await asyncio.gather(*writes)
    assert set(versions(database).values()) == {4}
    assert len(versions(database)) == 400


async def test_rows_hold_the_fields_of_their_events(store: MongoStore, database: Mongo) -> None:
    """Times are dates, the vector is BSON's own vector of float32, the id is the chunk's."""
    await store.write([chunk()], [vector(version=1)])
    stored: dict[str, Any] = database["chunks"].find_one() or {}
    event = chunk().model_dump(exclude={"chunk_id", "s3_path"})
    assert stored == {"_id": "d:1:0", **event, "heading_path": ["A", "B"]}
    assert stored["received_at"] == RECEIVED_AT
    embedded: dict[str, Any] = database["embeddings"].find_one() or {}
    assert embedded["vector"] == Binary.from_vector([0.0, 1.0], BinaryVectorDtype.FLOAT32)
    assert (embedded["model"], embedded["dimensions"], embedded["cost"]) == ("m", 2, COST.model_dump())


async def test_rows_are_counted_per_version(store: MongoStore) -> None:
    """A tally tells the rows of exactly that document and version, zero where there are none."""
    await store.write([*chunks("d", 1, 3), *chunks("d", 2, 2), *chunks("e", 2, 1)], vectors("d", 1, 2))
    wanted = [Version("d", 1), Version("d", 2), Version("e", 1)]
    costs = COST + COST
    assert await store.tally(wanted) == dict(zip(wanted, [Tally(3, 2, costs), Tally(2, 0), Tally(0, 0)], strict=True))


async def test_a_cost_that_is_known_in_part_is_unknown(store: MongoStore, database: Mongo) -> None:
    """A vector that an older release wrote doesn't say what it cost: its row has no such field, or nothing in it."""
    await store.write([], [*vectors("d", 1, 3), vector("e").model_copy(update={"cost": None})])
    database["embeddings"].update_one({"_id": "d:1:1"}, {"$unset": {"cost": 1}})
    wanted = [Version("d", 1), Version("e", 1)]
    assert await store.tally(wanted) == dict(zip(wanted, [Tally(0, 3), Tally(0, 1)], strict=True))


async def test_rows_are_counted_per_chunker(store: MongoStore, database: Mongo) -> None:
    """Of one version the rows of each chunker are counted apart; rows without the field have none."""
    await store.write([*chunks("d", 1, 3, chunker="f1"), *chunks("d", 1, 2, chunker="f2"), *chunks("d", 1, 1)], [])
    database["chunks"].update_one({"chunker": ""}, {"$unset": {"chunker": 1}})
    wanted = [Version("d", 1, "f1"), Version("d", 1, "f2"), Version("d", 1, "")]
    assert await store.tally(wanted) == dict(zip(wanted, [Tally(3, 0), Tally(2, 0), Tally(1, 0)], strict=True))


async def test_rows_of_another_chunker_are_deleted(store: MongoStore, database: Mongo) -> None:
    """Of the current version only its chunker's rows stay; newer versions and other documents are left."""
    parts = [*chunks("d", 2, 1, chunker="f1"), *chunks("d", 2, 1, chunker="f2"), *chunks("d", 3, 1, chunker="f2")]
    await store.write([*parts, *chunks("d", 2, 2), *chunks("e", 2, 1, chunker="f2")], [])
    database["chunks"].update_one({"_id": "d:2:1"}, {"$unset": {"chunker": 1}})
    await store.delete_late([Standing("d", Version("d", 2, "f1"))])
    assert set(versions(database)) == {"d:2:f1:0", "d:3:f2:0", "e:2:f2:0"}


async def test_an_unknown_chunker_deletes_no_other(store: MongoStore, database: Mongo) -> None:
    """Where the current version doesn't say who cut it, the rows of that version may all be its own."""
    await store.write([*chunks("d", 2, 1, chunker="f1"), *chunks("d", 2, 1), *chunks("d", 1, 1, chunker="f1")], [])
    await store.delete_late([Standing("d", Version("d", 2))])
    assert set(versions(database)) == {"d:2:f1:0", "d:2:0"}


async def test_older_rows_are_deleted_per_document(store: MongoStore, database: Mongo) -> None:
    """Only rows of the named documents and below the given version go."""
    parts = [*chunks("d", 1, 2), *chunks("d", 2, 2), *chunks("d", 3, 1), *chunks("e", 1, 1)]
    await store.write(parts, vectors("d", 1, 2))
    await store.delete_late([Standing("d", Version("d", 2))])
    assert sorted(versions(database).values()) == [1, 2, 2, 3]
    assert versions(database, "embeddings") == {}


async def test_a_document_comes_back_as_it_was(store: MongoStore, database: Mongo) -> None:
    """What is read again equals what was written, so that repeated statuses change nothing; states are plain text."""
    (written,) = changed({}, [status(State.PROCESSING, Stage.INGEST), status(State.COMPLETE, chunker="f1")])
    assert await store.replace_documents([written]) == 1
    assert await store.documents({"d", "other"}) == {"d": written}
    assert await store.standings({"d", "other"}) == {"d": Standing("d", Version("d", 1, "f1"))}
    assert (database["documents"].find_one() or {})["state"] == "complete"
    database["documents"].update_one({}, {"$unset": {"current.chunker": 1}})
    assert await store.standings({"d"}) == {"d": Standing("d", Version("d", 1))}


async def test_a_lost_race_writes_nothing(store: MongoStore) -> None:
    """Of two writers that read one revision only the first one writes, for new documents as for known ones."""
    (mine,) = changed({}, [status(State.RECEIVED, Stage.GATEWAY)])
    (theirs,) = changed({}, [status(State.FAILED)])
    assert [await store.replace_documents([stored]) for stored in (mine, theirs)] == [1, 0]
    known = await store.documents({"d"})
    (mine,) = changed(known, [status(State.PROCESSING)])
    (theirs,) = changed(known, [status(State.COMPLETE)])
    assert [await store.replace_documents([stored]) for stored in (mine, theirs)] == [1, 0]
    assert (await store.documents({"d"}))["d"] == mine


async def test_indexes_serve_the_queries(store: MongoStore, database: Mongo) -> None:
    """Created twice without complaint; the gateway's lists and the cleanup neither scan nor sort."""
    await store.create_indexes({})
    newest_first = [("received_at", -1), ("_id", -1)]
    plans = [
        database["documents"].find({"company_id": "c", "state": {"$ne": "deleted"}}).sort(newest_first).explain(),
        database["documents"].find({"company_id": "c", "state": "failed"}).sort(newest_first).explain(),
        database["chunks"]
        .find({"document_id": "d", "content_sha256": "s", "chunker": "f"})
        .sort("chunk_index")
        .explain(),
        *(database["chunks"].find(query).explain() for query in late_rows(Standing("d", Version("d", 3, "f1"), 2))),
        *(database["embeddings"].find(query).explain() for query in late_rows(Standing("d", Version("d", 3)))),
    ]
    for plan in plans:
        stages = str(plan["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in stages
        assert "'SORT'" not in stages


async def test_an_index_of_another_shape_is_fatal(store: MongoStore, database: Mongo) -> None:
    """`--init` says which index is in the way instead of waiting for it."""
    database["embeddings"].drop_indexes()
    database["embeddings"].create_index([("document_id", 1), ("version", 1)], unique=True)
    with pytest.raises(Fatal, match="drop it"):
        await store.create_indexes({})


async def test_what_bson_cannot_hold_is_refused(store: MongoStore, database: Mongo) -> None:
    """A record that can never be stored is its own fault: too large a document, a number beyond 64 bits."""
    huge = chunk().model_copy(update={"text": "x" * 17 * 1024 * 1024})
    beyond = chunk(version=2**70)
    for part in (huge, beyond):
        with pytest.raises(Permanent) as caught:
            await store.write([part], [])
        assert caught.value.code is Code.STORE_REJECTED
    assert versions(database) == {}


async def test_a_validation_rule_refuses_records(store: MongoStore, database: Mongo) -> None:
    """A document that the server's own rules refuse is a dead letter, not an outage."""
    database.command("collMod", "chunks", validator={"company_id": "other"})
    with pytest.raises(Permanent, match="refuses"):
        await store.write([chunk()], [])


async def test_a_wrong_password_is_transient(mongodb_url: str) -> None:
    """An outage of the configuration: it ends when somebody mends it."""
    address = mongodb_url.replace("mongodb://", "mongodb://nobody:wrong@")
    async with closing(MongoStore(address, "test")) as store:
        with pytest.raises(Transient):
            await store.write([chunk()], [])


async def test_what_we_ask_wrongly_is_a_bug(store: MongoStore) -> None:
    """Our own mistakes are not waited out for ever."""
    with pytest.raises(OperationFailure, match="unknown operator"), map_pymongo_errors():
        await store._database["chunks"].find_one({"version": {"$nonsense": 1}})


async def test_no_server_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is an outage, told in a line."""
    monkeypatch.setattr("services.db_writer.mongo.SELECT_MS", 200)
    async with closing(MongoStore("mongodb://127.0.0.1:9", "test")) as store:
        for call in (store.ping(), store.write([chunk()], []), store.documents({"d"})):
            with pytest.raises(Transient, match="refused") as caught:
                await call
            assert "Topology" not in str(caught.value)


def test_a_wrong_address_is_fatal() -> None:
    """The process ends and names the setting."""
    with pytest.raises(Fatal, match="CAUCE_MONGODB_URL"):
        MongoStore("http://127.0.0.1", "test")


async def test_a_server_that_goes_away_and_comes_back(
    monkeypatch: pytest.MonkeyPatch, mongodb_url: str, database: Mongo
) -> None:
    """While connections are cut calls are transient; the same store works again afterwards."""
    monkeypatch.setattr("services.db_writer.mongo.SELECT_MS", 2_000)
    parts = urlsplit(mongodb_url)
    async with proxy_to(parts.port or 27017) as proxy:
        address = mongodb_url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")
        async with closing(MongoStore(address, database.name)) as store:
            await store.write([chunk()], [])
            await proxy.cut()
            with pytest.raises(Transient):
                await store.write([chunk(version=2)], [])
            await proxy.mend()
            assert await store.write([chunk(version=3)], []) == 0
    assert set(versions(database).values()) == {1, 3}
