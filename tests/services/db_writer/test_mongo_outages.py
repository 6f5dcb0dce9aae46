"""What a MongoDB in trouble says: it costs no record, and the same store goes on afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from services.db_writer.mongo import MongoStore
from services.db_writer.newest import NewestStays
from shared.errors import Code, Permanent, Transient
from tests.services.db_writer.proxy import proxy_to
from tests.services.db_writer.samples import Documents
from tests.services.db_writer.servers import OwnMongo
from tests.waiting import until

pytestmark = pytest.mark.fleet
NAME = "outages"
WRITES = ("insert", "update")
Mongo = Database[Documents]


@pytest.fixture
def seen(own_mongo: OwnMongo) -> Iterator[Mongo]:
    """The database as a second client sees it."""
    with MongoClient[Documents](own_mongo.url(), tz_aware=True) as client:
        yield client[NAME]
        client.drop_database(NAME)


@pytest.fixture
async def mongo(own_mongo: OwnMongo, seen: Mongo, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MongoStore]:
    monkeypatch.setattr("services.db_writer.mongo.SELECT_MS", 1_000)
    opened = MongoStore(own_mongo.url(), NAME)
    yield opened
    await opened.close()


@pytest.fixture(params=[False, True], ids=["new", "known"])
def things(mongo: MongoStore, request: pytest.FixtureRequest) -> NewestStays:
    """Both ways to write: by inserting and by looking first."""
    opened = things_of(mongo)
    opened._known = request.param
    return opened


def things_of(mongo: MongoStore) -> NewestStays:
    return NewestStays(mongo.database["things"], ("n",))


def batch(count: int = 3, n: int = 1, **fields: Any) -> list[dict[str, Any]]:
    return [{"_id": f"t{place}", "n": n, **fields} for place in range(count)]


def stored(database: Mongo) -> list[dict[str, Any]]:
    return list(database["things"].find().sort("_id"))


def _writes(things: NewestStays, documents: list[dict[str, Any]]) -> Callable[[], Awaitable[bool]]:
    """Whether they can be written by now: the driver takes up to ten seconds to notice that a server is well again."""

    async def tried() -> bool:
        with contextlib.suppress(Transient):
            await things.write(documents)
            return True
        return False

    return tried


async def test_a_step_down(things: NewestStays, own_mongo: OwnMongo, seen: Mongo) -> None:
    """A server that isn't primary any more refuses writes (10107), and takes them when it is again."""
    await things.write(batch())
    own_mongo.admin({"replSetStepDown": 60, "force": True})
    try:
        with pytest.raises(Transient):
            await things.write(batch(n=2))
    finally:
        own_mongo.admin({"replSetFreeze": 0})
        await until(lambda: bool(own_mongo.admin({"hello": 1})["isWritablePrimary"]))
    await until(_writes(things, batch(n=2)))
    assert stored(seen) == batch(n=2)


async def test_no_primary(own_mongo: OwnMongo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set without a primary is waited for, and the wait has an end."""
    monkeypatch.setattr("services.db_writer.mongo.SELECT_MS", 500)
    far = MongoStore(f"mongodb://127.0.0.1:{own_mongo.port}/?replicaSet=own", NAME)
    own_mongo.admin({"replSetStepDown": 60, "force": True})
    try:
        with pytest.raises(Transient, match="ServerSelectionTimeout"):
            await things_of(far).write(batch())
    finally:
        own_mongo.admin({"replSetFreeze": 0})
        await until(lambda: bool(own_mongo.admin({"hello": 1})["isWritablePrimary"]))
        await far.close()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (189, "PrimarySteppedDown"),
        (13435, "NotPrimaryNoSecondaryOk"),
        (6, "HostUnreachable"),
        (50, "MaxTimeMSExpired"),
        (112, "WriteConflict"),
        (14031, "OutOfDiskSpace"),
        (13, "Unauthorized"),
        (18, "AuthenticationFailed"),
        (262, "ExceededTimeLimit"),
    ],
)
async def test_what_the_server_says_in_trouble(
    things: NewestStays, own_mongo: OwnMongo, seen: Mongo, code: int, name: str
) -> None:
    """No primary, too slow, in conflict, without room, without the right: an outage, whatever it is."""
    own_mongo.fail(WRITES, 5, errorCode=code)
    try:
        with pytest.raises(Transient):
            await things.write(batch())
    finally:
        own_mongo.stop_failing()
    await until(_writes(things, batch()))
    assert stored(seen) == batch(), name


async def test_a_write_that_too_few_have(things: NewestStays, own_mongo: OwnMongo, seen: Mongo) -> None:
    """Written, but not by a majority in time (64): not acknowledged, so it is done again."""
    failed = {"code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting for replication timed out"}
    own_mongo.fail(WRITES, 1, writeConcernError=failed)
    with pytest.raises(Transient):
        await things.write(batch())
    assert stored(seen) == batch()
    await things.write(batch())
    assert stored(seen) == batch()


async def test_a_connection_that_breaks(things: NewestStays, own_mongo: OwnMongo, seen: Mongo) -> None:
    """Once is mended by the driver, which sends a write again; twice is an outage."""
    own_mongo.fail(WRITES, 1, closeConnection=True)
    await things.write(batch())
    own_mongo.fail(WRITES, 2, closeConnection=True)
    with pytest.raises(Transient):
        await things.write(batch(n=2))
    await things.write(batch(n=2))
    assert stored(seen) == batch(n=2)


async def test_an_unknown_outcome(own_mongo: OwnMongo, seen: Mongo, mongo: MongoStore) -> None:
    """Written, and the answer gets lost: whatever another wrote since, the same batch again leaves the newest."""
    for known, request in ((False, b"insert"), (True, b"update")):
        seen["things"].delete_many({})
        async with proxy_to(own_mongo.port) as proxy:
            far = MongoStore(own_mongo.url(proxy.port) + "&retryWrites=false", NAME)
            things = things_of(far)
            things._known = known
            proxy.lose_answer_to = request + b"\0"
            with pytest.raises(Transient):
                await things.write(batch())
            await until(lambda: seen["things"].count_documents({}) == 3)
            assert proxy.lost == 1
            await things_of(mongo).write(batch(1, n=7))
            assert await things.write(batch()) == 1
            await far.close()
        assert stored(seen) == [*batch(1, n=7), *batch()[1:]]


async def test_a_server_that_is_killed(mongo: MongoStore, own_mongo: OwnMongo, seen: Mongo) -> None:
    """SIGKILL while batches are on their way: what was acknowledged is there after the start, the rest is repeated."""
    acknowledged: list[int] = []
    things = things_of(mongo)

    async def write_until_it_ends() -> None:
        for number in range(10_000):
            await things.write([{"_id": f"{number:05}-{place}", "n": 1} for place in range(20)])
            acknowledged.append(number)

    writing = asyncio.create_task(write_until_it_ends())
    await until(lambda: len(acknowledged) > 20)
    await asyncio.to_thread(own_mongo.kill)
    with pytest.raises(Transient):
        await writing
    with pytest.raises(Transient):
        await things.write(batch())
    await asyncio.to_thread(own_mongo.start)
    await until(_writes(things, batch()))
    there = set(seen["things"].distinct("_id"))
    assert {f"{number:05}-{place}" for number in acknowledged for place in range(20)} <= there


async def test_a_batch_that_no_message_holds(mongo: MongoStore, seen: Mongo) -> None:
    """Four documents of 14 MB are more than one message may hold: they are written all the same, and found again."""
    large = batch(4, text="x" * 14_000_000)
    things = things_of(mongo)
    for _ in range(2):
        assert await things.write(large) == 0
    assert things._known
    assert seen["things"].count_documents({}) == 4


async def test_a_document_that_is_too_large(things: NewestStays, seen: Mongo) -> None:
    """Over 16 MB is the record's own fault; alone, its neighbours are written."""
    whole = [*batch(), {"_id": "large", "n": 1, "text": "x" * 17_000_000}]
    for refused in (whole, whole[-1:]):
        with pytest.raises(Permanent) as caught:
            await things.write(refused)
        assert caught.value.code is Code.STORE_REJECTED
    await things.write(batch())
    assert stored(seen) == batch()
