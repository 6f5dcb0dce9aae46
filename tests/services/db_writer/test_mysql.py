"""Window rows in a real MariaDB or MySQL."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.db_writer.epochs import Cut
from services.db_writer.handlers import Metrics
from services.db_writer.mysql import MySqlStore
from services.db_writer.rows import Row, newest
from shared.contracts.metrics import MetricRow
from shared.errors import Code, Permanent, Transient
from shared.kafka.pipeline import Handled
from shared.tables import Column, TopView, WindowTable
from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.proxy import proxy_to
from tests.services.db_writer.samples import messages

pytestmark = pytest.mark.fleet
START = datetime(2026, 1, 2, 3, 4, 5, 678000)  # noqa: DTZ001 as DATETIME has it


@pytest.fixture
async def store(mysql_url: str, server: MySqlServer) -> AsyncIterator[MySqlStore]:
    """Without a table."""
    opened = MySqlStore(mysql_url)
    yield opened
    await opened.close()


def row(table: WindowTable, label: str = "a", epoch: int = 1, events: int = 1, mean: float | None = 0.5) -> Row:
    return Row(table, (epoch, events), (START, label, events, mean))


def stored(server: MySqlServer, table: WindowTable) -> list[tuple[Any, ...]]:
    return server.run(f"SELECT label, events, mean, _epoch FROM `{table.name}` ORDER BY label")


async def test_the_greatest_epoch_then_count_stays(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """Written one after the other in any order, all columns are those of the greatest (epoch, count)."""
    versions = [(1, 5, 0.1), (1, 9, 0.2), (2, 1, 0.3), (2, 3, 0.4)]
    for order in itertools.permutations(versions):
        server.run(f"DELETE FROM `{table.name}`")
        for epoch, events, mean in order:
            await rows.write([row(table, "a", epoch, events, mean)])
        assert stored(server, table) == [("a", 3, 0.4, 2)]


async def test_names_may_be_words_of_sql(store: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """`key`, `group`, `order`, `rows`, `rank`: made, written, widened, ranked and deleted like others."""
    texts = [Column(name, "VARCHAR(5) NOT NULL") for name in ("group", "key")]
    top = TopView(f"{table.name}_top2", 2, "rank", "rows", ("key",), ("group",))
    values = (Column("rows", "BIGINT NOT NULL"), Column("order", "DOUBLE NULL"))
    named = WindowTable(table.name, (table.key[0], Column("window_end", table.key[0].sql), *texts), values, "rows", top)
    for declared in (replace(named, key=(*named.key[:3], Column("key", "VARCHAR(9) NOT NULL"))), named):
        await store.apply_schema([replace(declared, values=values[:1])])
        await store.apply_schema([declared])
    await store.write([Row(named, (1, n), (START, START, "g", key, n, 0.5)) for key, n in (("a", 2), ("b", 1))])
    await store.write([Row(named, (1, 3), (START, START, "g", "b", 3, None))])
    found = server.run(f"SELECT `key`, `rows`, `order`, `rank` FROM `{top.name}` WHERE window_start = '{START}'")
    assert sorted(found) == [("a", 2, 0.5, 2), ("b", 3, None, 1)]
    assert await store.truncate(named, Cut(table.name, 2, None)) == 2


async def test_an_equal_version_is_written_again(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """Of rows with the same epoch and count the last one stays, as in the fold and in a compacted topic."""
    await rows.write([row(table, mean=0.1)])
    await rows.write([row(table, mean=None)])
    assert stored(server, table) == [("a", 1, None, 1)]


async def test_values_come_back_as_they_were(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """Milliseconds, signs, large numbers, quotes and four-byte characters survive; each label is itself alone."""
    labels = ["A", "a", "a ", "a  ", "á", "a\u0301", "", " ", "'; --", "%s 🦙\\"]
    await rows.write(newest(row(table, label, events=2**63 - 1, mean=-1e300) for label in labels))
    assert {found[0] for found in stored(server, table)} == set(labels)
    found = server.run(f"SELECT DISTINCT window_start, events, mean FROM `{table.name}`")
    assert found == [(START, 2**63 - 1, -1e300)]


async def test_a_batch_is_one_statement(rows: MySqlStore, table: WindowTable) -> None:
    """However many rows, the server counts one INSERT per table and one COMMIT."""

    async def counters() -> dict[str, int]:
        async with rows._connection() as connection, connection.cursor() as cursor:
            await cursor.execute("SHOW SESSION STATUS WHERE Variable_name IN ('Com_insert', 'Com_commit')")
            return {name: int(value) for name, value in await cursor.fetchall()}

    await rows.write([row(table)])
    before = await counters()
    await rows.write(newest(row(table, f"label {place}") for place in range(500)))
    after = await counters()
    assert {name: after[name] - before[name] for name in before} == {"Com_insert": 1, "Com_commit": 1}


async def test_a_refused_row_writes_nothing(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """What the server refuses is the record's fault, and its batch leaves no trace."""
    for values in ((START, "x" * 99, 1, 0.5), (START, "a", None, 0.5), (START, "a", 2**70, 0.5)):
        with pytest.raises(Permanent) as caught:
            await rows.write([row(table, "fine"), Row(table, (1, 1), values)])
        assert caught.value.code is Code.STORE_REJECTED
    assert stored(server, table) == []


async def test_writers_side_by_side_lose_nothing(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """Many writers of the same keys, retrying what was transient, end with the greatest version of each."""

    async def write(events: int) -> None:
        batch = newest(row(table, f"label {place:02}", events=events) for place in range(30))
        while True:
            try:
                await rows.write(batch)
            except Transient:
                await asyncio.sleep(0.01)
            else:
                return

    await asyncio.gather(*(write(events) for events in (7, 3, 9, 1, 5, 8, 2, 4)))
    assert stored(server, table) == [(f"label {place:02}", 9, 0.5, 1) for place in range(30)]


async def session(store: MySqlStore, statement: str) -> None:
    """On the pooled connection, which the next call uses again."""
    async with store._connection() as connection, connection.cursor() as cursor:
        await cursor.execute(statement)


async def test_a_lock_wait_is_transient(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """A row that another holds for too long is an outage (1205), and goes on when it is free."""
    await rows.write([row(table)])
    await session(rows, "SET SESSION innodb_lock_wait_timeout=1")
    server.run("BEGIN")
    server.run(f"SELECT * FROM `{table.name}` FOR UPDATE")
    with pytest.raises(Transient, match="1205"):
        await rows.write([row(table, events=2)])
    server.run("ROLLBACK")
    await rows.write([row(table, events=2)])
    assert stored(server, table) == [("a", 2, 0.5, 1)]


async def test_a_deadlock_is_transient(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """The transaction that the server chose to end (1213) is an outage, and succeeds when repeated."""
    await rows.write([row(table, "a"), row(table, "b")])
    server.run("BEGIN")
    server.run(f"UPDATE `{table.name}` SET mean = 1 WHERE window_start = '{START}' AND label = 'b'")
    for place in range(50):
        server.run(f"INSERT INTO `{table.name}` VALUES ('2000-01-01', 'x{place}', 1, 1, 1)")  # the heavier one stays
    waiting = asyncio.create_task(rows.write([row(table, "a", events=2), row(table, "b", events=2)]))
    await _until_locked(server)
    server.run(f"UPDATE `{table.name}` SET mean = 1 WHERE window_start = '{START}' AND label = 'a'")
    with pytest.raises(Transient, match="1213"):
        await waiting
    server.run("ROLLBACK")
    await rows.write([row(table, "a", events=2), row(table, "b", events=2)])
    assert stored(server, table) == [("a", 2, 0.5, 1), ("b", 2, 0.5, 1)]


async def _until_locked(server: MySqlServer) -> None:
    """Until the store's statement holds "a" and waits for "b"."""
    running = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO `test!_%' ESCAPE '!'"
    async with asyncio.timeout(5):
        while server.run(running)[0][0] == 0:  # noqa: ASYNC110 the server tells nobody
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)


async def test_a_read_only_server_is_transient(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """A replica, or a server under maintenance, costs no record."""
    await session(rows, "SET SESSION TRANSACTION READ ONLY")
    with pytest.raises(Transient, match="READ ONLY"):
        await rows.write([row(table)])
    await rows.write([row(table)])
    assert stored(server, table) == [("a", 1, 0.5, 1)]


async def test_a_missing_table_is_transient(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """Where `--init` was forgotten nothing is lost, and the message says what to run."""
    server.run(f"DROP TABLE `{table.name}`")
    with pytest.raises(Transient, match="--init"):
        await rows.write([row(table)])


async def test_no_server_is_transient(table: WindowTable) -> None:
    """A refused connection is an outage."""
    store = MySqlStore("mysql://u:secret@127.0.0.1:9/db")
    for call in (store.ping(), store.write([row(table)])):
        with pytest.raises(Transient) as caught:
            await call
        assert "secret" not in str(caught.value)
    await store.close()


async def test_a_wrong_password_is_transient(mysql_url: str) -> None:
    """An outage of the configuration: it ends when somebody mends it."""
    parts = urlsplit(mysql_url)
    store = MySqlStore(f"mysql://nobody:wrong@{parts.hostname}:{parts.port}{parts.path}")
    with pytest.raises(Transient, match="1045"):
        await store.ping()
    await store.close()


async def test_a_server_that_goes_away_and_comes_back(
    mysql_url: str, rows: MySqlStore, server: MySqlServer, table: WindowTable
) -> None:
    """A connection cut between and during statements is an outage; the same store works again afterwards."""
    parts = urlsplit(mysql_url)
    async with proxy_to(parts.port or 3306) as proxy:
        address = mysql_url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")
        store = MySqlStore(address)
        await store.write([row(table)])
        sleeping = asyncio.create_task(session(store, "SELECT SLEEP(20)"))
        await asyncio.sleep(0.2)
        await proxy.cut()
        with pytest.raises(Transient):
            await sleeping
        with pytest.raises(Transient):
            await store.write([row(table, events=2)])
        await proxy.mend()
        await store.write([row(table, events=3)])
        await store.close()
    assert stored(server, table) == [("a", 3, 0.5, 1)]


async def test_a_statement_that_does_not_parse_is_a_bug(rows: MySqlStore) -> None:
    """Our own mistakes are not waited out for ever."""
    with pytest.raises(Exception, match="1064"):
        await session(rows, "INSERT ELSEWHERE")


async def test_the_handler_writes_what_the_topic_says(
    rows: MySqlStore, server: MySqlServer, table: WindowTable
) -> None:
    """A batch with repeated and late records of one key leaves the valid row, and a replay leaves the same."""
    events = [
        MetricRow.model_validate(
            {"_table_name": table.name, "_epoch": 1, "window_start": "2026-01-02T03:04:00Z", "label": label}
            | {"events": count, "mean": count / 2}
        )
        for label, count in [("a", 1), ("b", 1), ("a", 4), ("a", 3), ("b", 1)]
    ]
    handler = Metrics(rows, {table.name: table})
    for _ in range(2):
        assert await handler.handle(messages(events)) == Handled(folded=3)
        assert stored(server, table) == [("a", 4, 2.0, 1), ("b", 1, 0.5, 1)]
        for message in messages(events):
            await handler.handle([message])
