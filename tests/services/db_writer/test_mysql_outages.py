"""What a MariaDB in trouble says: it costs no record, and the same store goes on afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pymysql
import pytest

from services.db_writer.mysql import MySqlStore
from services.db_writer.rows import Row
from shared.ddl import create_table
from shared.errors import Code, Permanent, Transient
from shared.tables import Column, WindowTable
from tests.services.db_writer.proxy import proxy_to
from tests.services.db_writer.servers import WRITER, OwnMariaDb
from tests.services.db_writer.test_mysql import START
from tests.waiting import until

pytestmark = pytest.mark.fleet
TABLE = WindowTable(
    name="outages",
    key=(Column("window_start", "DATETIME(3) NOT NULL"), Column("label", "VARCHAR(20) NOT NULL")),
    values=(Column("events", "BIGINT NOT NULL"), Column("note", "VARCHAR(8000)")),
    count="events",
)


@pytest.fixture
async def store(own_mariadb: OwnMariaDb) -> AsyncIterator[MySqlStore]:
    """As a user who may not do everything, with an empty table."""
    opened = MySqlStore(own_mariadb.url())
    await opened.apply_schema([TABLE])
    own_mariadb.run("TRUNCATE TABLE outages")
    yield opened
    await opened.close()


@pytest.fixture
def administered(own_mariadb: OwnMariaDb) -> Iterator[ExitStack]:
    """What a test changes of the server is to be put back on this stack."""
    with ExitStack() as changes:
        yield changes


def row(label: str = "a", events: int = 1, note: str | None = None) -> Row:
    return Row(TABLE, (1, events), (START, label, events, note))


def stored(server: OwnMariaDb) -> list[tuple[Any, ...]]:
    return server.run("SELECT label, events FROM outages ORDER BY label")


def _writes(store: MySqlStore, batch: list[Row]) -> Callable[[], Awaitable[bool]]:
    """Whether they can be written by now: the server takes a moment to notice what it has been given back."""

    async def tried() -> bool:
        with contextlib.suppress(Transient):
            await store.write(batch)
            return True
        return False

    return tried


async def test_a_read_only_server(store: MySqlStore, own_mariadb: OwnMariaDb, administered: ExitStack) -> None:
    """Under maintenance or turned into a replica (1290)."""
    own_mariadb.run("SET GLOBAL read_only = 1")
    administered.callback(own_mariadb.run, "SET GLOBAL read_only = 0")
    with pytest.raises(Transient, match="1290"):
        await store.write([row()])
    administered.close()
    await store.write([row()])
    assert stored(own_mariadb) == [("a", 1)]


async def test_too_many_connections_of_all(store: MySqlStore, own_mariadb: OwnMariaDb, administered: ExitStack) -> None:
    """No place is left on the server (1040)."""
    await store.close()
    mine = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{WRITER}'"
    await until(lambda: own_mariadb.run(mine) == [(0,)])
    own_mariadb.run("SET GLOBAL max_connections = 10")
    administered.callback(own_mariadb.run, "SET GLOBAL max_connections = 150")
    with ExitStack() as others:
        with pytest.raises(pymysql.err.OperationalError, match="1040"):
            _take_every_place(own_mariadb, others)
        late = MySqlStore(own_mariadb.url())
        with pytest.raises(Transient, match="1040"):
            await late.write([row()])
    await until(_writes(late, [row()]))
    await late.close()
    assert stored(own_mariadb) == [("a", 1)]


def _take_every_place(server: OwnMariaDb, others: ExitStack) -> None:
    while True:
        others.enter_context(closing(server.connect(WRITER)))


async def test_too_many_connections_of_one(own_mariadb: OwnMariaDb, administered: ExitStack) -> None:
    """No place is left for this user (1226)."""
    own_mariadb.run(f"ALTER USER '{WRITER}'@'%' WITH MAX_USER_CONNECTIONS 1")
    administered.callback(own_mariadb.run, f"ALTER USER '{WRITER}'@'%' WITH MAX_USER_CONNECTIONS 0")
    late = MySqlStore(own_mariadb.url())
    with closing(own_mariadb.connect(WRITER)), pytest.raises(Transient, match="1226"):
        await late.ping()
    administered.close()
    await late.ping()
    await late.close()


async def test_a_full_disk(store: MySqlStore, own_mariadb: OwnMariaDb, administered: ExitStack) -> None:
    """A tablespace that may not grow is full (1114); with room again the same rows are written."""
    own_mariadb.run("DROP TABLE outages")
    own_mariadb.run("SET GLOBAL innodb_file_per_table = 0")
    administered.callback(own_mariadb.run, "SET GLOBAL innodb_file_per_table = 1")
    own_mariadb.run(create_table(TABLE))
    administered.callback(own_mariadb.run, "DROP TABLE IF EXISTS outages")
    filling = itertools.count()

    def batch() -> list[Row]:
        number = next(filling)
        return [row(f"{number:05}-{place:03}", 1, "x" * 8000) for place in range(100)]

    with pytest.raises(Transient, match="1114"):
        await _write_for_ever(store, batch)
    written = own_mariadb.run("SELECT COUNT(*) FROM outages")[0][0]
    assert written == 100 * (next(filling) - 1)
    own_mariadb.run("DELETE FROM outages")
    await until(_writes(store, batch()))
    assert len(stored(own_mariadb)) == 100


async def _write_for_ever(store: MySqlStore, batch: Callable[[], list[Row]]) -> None:
    while True:
        await store.write(batch())


async def test_a_connection_that_somebody_kills(store: MySqlStore, own_mariadb: OwnMariaDb) -> None:
    """Killed while it waits in the pool, and in the middle of a statement (2006, 2013)."""
    await store.write([row()])
    _kill_all(own_mariadb)
    with pytest.raises(Transient):
        await store.write([row(events=2)])
    await store.write([row(events=2)])
    with closing(own_mariadb.connect(WRITER)) as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM outages FOR UPDATE")
        waiting = asyncio.create_task(store.write([row(events=3)]))
        mine: int = holder.thread_id()  # type: ignore[no-untyped-call]
        await until(lambda: _kill_all(own_mariadb, "AND info LIKE 'INSERT%'", but=mine) > 0)
        with pytest.raises(Transient):
            await waiting
    await store.write([row(events=4)])
    assert stored(own_mariadb) == [("a", 4)]


def _kill_all(server: OwnMariaDb, which: str = "", but: int = 0) -> int:
    found = server.run(f"SELECT id FROM information_schema.processlist WHERE user = '{WRITER}' AND id <> {but} {which}")
    for (identity,) in found:
        server.run(f"KILL CONNECTION {identity}")
    return len(found)


async def test_a_server_that_is_killed(store: MySqlStore, own_mariadb: OwnMariaDb) -> None:
    """SIGKILL while batches are on their way: what was acknowledged is there after the start, the rest is repeated."""
    acknowledged: list[int] = []

    async def write_until_it_ends() -> None:
        for number in range(10_000):
            await store.write([row(f"{number:05}-{place}") for place in range(20)])
            acknowledged.append(number)

    writing = asyncio.create_task(write_until_it_ends())
    await until(lambda: len(acknowledged) > 20)
    own_mariadb.kill()
    with pytest.raises(Transient):
        await writing
    with pytest.raises(Transient):
        await store.write([row()])
    own_mariadb.start()
    there = {label for label, _ in stored(own_mariadb)}
    assert {f"{number:05}-{place}" for number in acknowledged for place in range(20)} <= there
    await store.write([row()])


async def test_an_unknown_outcome_at_commit(store: MySqlStore, own_mariadb: OwnMariaDb) -> None:
    """The server commits and its answer gets lost: an outage, after which the same batch leaves the same rows."""
    async with proxy_to(own_mariadb.port) as proxy:
        far = MySqlStore(own_mariadb.url(port=proxy.port))
        await far.write([row("a", 1)])
        proxy.lose_answer_to = b"COMMIT"
        batch = [row("a", 2), row("b", 1)]
        with pytest.raises(Transient):
            await far.write(batch)
        assert (proxy.lost, stored(own_mariadb)) == (1, [("a", 2), ("b", 1)])
        await store.write([row("b", 5)])
        await far.write(batch)
        await far.close()
    assert stored(own_mariadb) == [("a", 2), ("b", 5)]


async def test_a_batch_that_no_packet_holds(
    store: MySqlStore, own_mariadb: OwnMariaDb, administered: ExitStack
) -> None:
    """A batch over `max_allowed_packet` is written in several statements of one transaction, every row of it."""
    own_mariadb.run("SET GLOBAL max_allowed_packet = 65536")
    administered.callback(own_mariadb.run, "SET GLOBAL max_allowed_packet = 16777216")
    _kill_all(own_mariadb)
    with contextlib.suppress(Transient):
        await store.ping()
    before = own_mariadb.run("SHOW GLOBAL STATUS LIKE 'Com_commit'")[0][1]
    await store.write([row(f"{place:03}", 1, "ß" * 4000) for place in range(100)])
    after = own_mariadb.run("SHOW GLOBAL STATUS LIKE 'Com_commit'")[0][1]
    assert (len(stored(own_mariadb)), int(after) - int(before)) == (100, 2)  # one commit is of the new connection


async def test_a_row_that_no_packet_holds(store: MySqlStore, own_mariadb: OwnMariaDb, administered: ExitStack) -> None:
    """A single row over `max_allowed_packet` is refused by name; its batch leaves no trace, and nothing is cut."""
    own_mariadb.run("SET GLOBAL max_allowed_packet = 4096")
    administered.callback(own_mariadb.run, "SET GLOBAL max_allowed_packet = 16777216")
    _kill_all(own_mariadb)
    with contextlib.suppress(Transient):
        await store.ping()
    with pytest.raises(Permanent, match="max_allowed_packet") as caught:
        await store.write([row("a"), row("b", 1, "x" * 5000), row("c")])
    assert caught.value.code is Code.STORE_REJECTED
    assert stored(own_mariadb) == []


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (f"INSERT INTO outages VALUES ('{START}', '{'x' * 21}', 1, NULL, 1)", 1406),
        (f"INSERT INTO outages VALUES ('{START}', 'a', {2**64}, NULL, 1)", 1264),
        (f"INSERT INTO outages VALUES ('{START}', 'a', 'many', NULL, 1)", 1366),
        ("INSERT INTO outages VALUES ('2026-02-31', 'a', 1, NULL, 1)", 1292),
        (f"INSERT INTO outages VALUES ('{START}', 'a', NULL, NULL, 1)", 1048),
        (f"INSERT INTO outages VALUES ('{START}', 'a', 9223372036854775807 + 1, NULL, 1)", 1690),
        (f"INSERT INTO outages VALUES ('{START}', 'bad', 1, NULL, 1)", 4025),
    ],
)
async def test_a_refused_value(
    store: MySqlStore, own_mariadb: OwnMariaDb, administered: ExitStack, statement: str, number: int
) -> None:
    """Too long, out of range, of another type, no time, null, beyond BIGINT, against a rule: the record's own fault."""
    own_mariadb.run("ALTER TABLE outages ADD CONSTRAINT rule CHECK (label <> 'bad')")
    administered.callback(own_mariadb.run, "ALTER TABLE outages DROP CONSTRAINT rule")
    with pytest.raises(Permanent, match=str(number)):
        async with store._connection() as connection, connection.cursor() as cursor:
            await cursor.execute(statement)


async def test_a_column_that_somebody_added(
    store: MySqlStore, own_mariadb: OwnMariaDb, administered: ExitStack
) -> None:
    """One that must have a value and isn't declared would refuse every row (1364): that is no record's fault."""
    own_mariadb.run("ALTER TABLE outages ADD COLUMN extra BIGINT NOT NULL")
    administered.callback(own_mariadb.run, "ALTER TABLE outages DROP COLUMN extra")
    with pytest.raises(Transient, match="1364"):
        await store.write([row()])
    await asyncio.to_thread(administered.close)  # the store's connection ends meanwhile, and with it its locks
    await store.write([row()])
    assert stored(own_mariadb) == [("a", 1)]
