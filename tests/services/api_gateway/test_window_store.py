"""One behaviour, two stores: a real MySQL or MariaDB, and the one in memory that the other tests use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pymysql
import pytest

from services.api_gateway import window_sql
from services.api_gateway.mysql import MySqlWindows
from services.api_gateway.window_store import RowsWanted, TopWanted, Value, WindowStore
from shared.ddl import create_table
from shared.errors import Fatal, Transient
from shared.mysql_address import MySqlAddress
from shared.tables import Column, TopView, WindowTable
from tests.services.api_gateway.memory_windows import MemoryWindows

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TOP = TopView("views_top2", 2, "place", "views", ("who",), ("label",))


@pytest.fixture
def table() -> WindowTable:
    text = "VARCHAR(20) NOT NULL"
    window = (Column("window_start", "DATETIME(3) NOT NULL"), Column("window_end", "DATETIME(3) NOT NULL"))
    values = (Column("views", "BIGINT NOT NULL"), Column("mean", "DOUBLE NULL"))
    return WindowTable(
        f"gateway_{uuid4().hex[:12]}", (*window, Column("label", text), Column("who", text)), values, "views", TOP
    )


def row(minute: int, label: str, who: str, views: int) -> dict[str, Any]:
    start = START + minute * MINUTE
    columns = {"window_start": start, "window_end": start + MINUTE, "label": label, "who": who}
    return {**columns, "views": views, "mean": views / 3 if views else None}


ROWS = [
    row(0, "S1", "Ada", 5),
    row(0, "S1", "ada", 5),
    row(0, "S1", "Bob", 7),
    row(0, "S2", "Ada", 1),
    row(1, "S1", "Zoë", 0),
    row(1, "S1", "Ünal 🎬", 2),
]


class WindowStoreSuite(ABC):
    @pytest.fixture
    @abstractmethod
    def store(self, table: WindowTable) -> Any:
        """With `ROWS` in the table."""

    async def test_rows_come_back_newest_first(self, store: WindowStore, table: WindowTable) -> None:
        """With times in UTC, numbers as numbers, missing values as none, text to the letter."""
        found = await store.rows(RowsWanted(table))
        assert found == [ROWS[n] for n in (5, 4, 3, 1, 2, 0)]
        assert found[0]["window_start"] == START + MINUTE

    async def test_pages_follow_on_each_other(self, store: WindowStore, table: WindowTable) -> None:
        """Each row once, also where many share a window and differ in case only."""
        found: list[Any] = []
        after: Sequence[Value] | None = None
        while page := await store.rows(RowsWanted(table, limit=2, after=after)):
            found += page
            after = [page[-1][column.name] for column in table.key]
        assert found == list(await store.rows(RowsWanted(table)))

    async def test_rows_by_time_and_group(self, store: WindowStore, table: WindowTable) -> None:
        """`since` counts, `until` does not; a value is a value, whatever it looks like."""
        assert len(await store.rows(RowsWanted(table, since=START + MINUTE))) == 2
        assert len(await store.rows(RowsWanted(table, until=START + MINUTE))) == 4
        zone = (START + MINUTE).astimezone(datetime.strptime("+0530", "%z").tzinfo)
        assert len(await store.rows(RowsWanted(table, since=zone))) == 2
        found = await store.rows(RowsWanted(table, where={"who": "Ada"}))
        assert [one["label"] for one in found] == ["S2", "S1"]
        for hostile in ("' OR 1=1 -- ", "%s", "`", "\\'", "%"):
            assert await store.rows(RowsWanted(table, where={"who": hostile})) == []

    async def test_top_of_a_window(self, store: WindowStore, table: WindowTable) -> None:
        """Ranked within each label, ties by the name; what is asked for narrows it afterwards."""
        found = await store.top(TopWanted(table, TOP, START, 2))
        assert [(one["label"], one["who"], one["place"]) for one in found] == [
            ("S1", "Bob", 1),
            ("S1", "Ada", 2),
            ("S2", "Ada", 1),
        ]
        [only] = await store.top(TopWanted(table, TOP, START, 3, {"who": "ada"}))
        assert (only["place"], only["views"]) == (3, 5)
        assert await store.top(TopWanted(table, TOP, START + 9 * MINUTE, 2)) == []

    async def test_latest(self, store: WindowStore, table: WindowTable) -> None:
        """The newest window's start."""
        await store.ping()
        assert await store.latest(table) == START + MINUTE


class TestMemoryWindows(WindowStoreSuite):
    @pytest.fixture
    def store(self, table: WindowTable) -> MemoryWindows:
        made = MemoryWindows()
        made.tables[table.name] = [dict(one) for one in ROWS]
        return made


@pytest.mark.fleet
class TestMySqlWindows(WindowStoreSuite):
    @pytest.fixture
    def server(self, mysql_url: str) -> Iterator[Any]:
        address = MySqlAddress.parse(mysql_url)
        connection = pymysql.connect(**address.login, database=address.database, charset="utf8mb4", autocommit=True)
        yield connection
        connection.close()

    @pytest.fixture
    async def store(self, mysql_url: str, server: Any, table: WindowTable) -> AsyncIterator[MySqlWindows]:
        names = [column.name for column in table.columns]
        with server.cursor() as cursor:
            cursor.execute(create_table(table))
            for one in ROWS:
                values = [v.replace(tzinfo=None) if isinstance(v := one[n], datetime) else v for n in names]
                cursor.execute(f"INSERT INTO `{table.name}` VALUES ({', '.join(['%s'] * len(names))}, 1)", values)
        store = MySqlWindows(mysql_url)
        yield store
        await store.close()
        with server.cursor() as cursor:
            cursor.execute(f"DROP TABLE `{table.name}`")

    async def test_a_table_that_is_not_there_yet(self, store: MySqlWindows, table: WindowTable) -> None:
        """Is an outage until db_writer has made it; the next question is answered."""
        missing = WindowTable(f"{table.name}_x", table.key, table.values, table.count)
        with pytest.raises(Transient, match="doesn't exist"):
            await store.latest(missing)
        assert await store.latest(table)

    async def test_names_may_be_words_of_sql(self, server: Any, store: MySqlWindows, table: WindowTable) -> None:
        """`key`, `group`, `rows`, `order`, `rank` are columns like others; spaces at the end count."""
        group, key = (Column(name, "VARCHAR(5) NOT NULL") for name in ("group", "key"))
        values = (Column("rows", "BIGINT NOT NULL"), Column("order", "DOUBLE NULL"))
        top = TopView("unused", 1, "rank", "rows", ("key",), ("group",))
        named = WindowTable(f"{table.name}_w", (*table.key[:2], group, key), values, "rows", top)
        with server.cursor() as cursor:
            cursor.execute(create_table(named))
            cells = "'2026-01-02 03:00', '2026-01-02 03:01', 'g'"
            cursor.execute(f"INSERT INTO `{named.name}` VALUES ({cells}, 'a', 1, 0, 1), ({cells}, 'a ', 2, NULL, 1)")
        try:
            [newest] = await store.rows(RowsWanted(named, where={"group": "g"}, limit=1))
            after = [newest[column.name] for column in named.key]
            [older] = await store.rows(RowsWanted(named, since=START, until=START + MINUTE, after=after))
            assert [(one["key"], one["rows"], one["order"]) for one in (newest, older)] == [
                ("a ", 2, None),
                ("a", 1, 0),
            ]
            assert [one["key"] for one in await store.top(TopWanted(named, top, START, 1))] == ["a "]
            assert [one["rank"] for one in await store.top(TopWanted(named, top, START, 2, {"key": "a"}))] == [2]
        finally:
            with server.cursor() as cursor:
                cursor.execute(f"DROP TABLE `{named.name}`")

    async def test_it_can_only_read(self, store: MySqlWindows, table: WindowTable) -> None:
        """The server itself refuses a write over the gateway's connections."""
        with pytest.raises(Transient, match="READ ONLY"):
            await store._ask(f"DELETE FROM `{table.name}`", [])

    async def test_the_page_is_found_by_the_primary_key(self, server: Any, store: Any, table: WindowTable) -> None:
        """Without a sort of the whole table."""
        after: list[Value] = [START + MINUTE, START + 2 * MINUTE, "S1", "Zoë"]
        statement, values = window_sql.rows(RowsWanted(table, since=START, after=after))
        plain = [v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in values]
        with server.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}", plain)
            plan = dict(zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True))
        assert plan["key"] == "PRIMARY"
        assert "filesort" not in (plan["Extra"] or "")


async def test_server_that_is_not_there_is_an_outage(unused_tcp_port: int, table: WindowTable) -> None:
    """Nobody answers: Transient, at once; closing what never opened is fine."""
    store = MySqlWindows(f"mysql://u:secret@127.0.0.1:{unused_tcp_port}/cauce")
    for question in (store.ping(), store.latest(table), store.rows(RowsWanted(table))):
        with pytest.raises(Transient) as caught:
            await question
        assert "secret" not in str(caught.value)
    await store.close()


@pytest.mark.parametrize("url", ["postgres://u@h/d", "mysql://h", "mysql:///d", ""])
def test_address_that_is_none_ends_the_process(url: str) -> None:
    """A mistake in the settings is named."""
    with pytest.raises(Fatal, match="CAUCE_MYSQL_URL"):
        MySqlWindows(url)
