"""Tables and views after their declarations, in a real MariaDB or MySQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.db_writer.mysql import MySqlStore
from services.db_writer.schema import Found, Kind, plan
from shared.ddl import MARIADB_TEXT, MYSQL_TEXT, create_view
from shared.errors import Fatal
from shared.tables import Column, TopView, WindowTable
from tests.services.db_writer.mysql_server import MySqlServer

pytestmark = pytest.mark.fleet

START, END = Column("window_start", "DATETIME(3) NOT NULL"), Column("window_end", "DATETIME(3) NOT NULL")
COUNT, MEAN, TOTAL = Column("n", "BIGINT NOT NULL"), Column("mean", "DOUBLE NULL"), Column("total", "BIGINT NULL")


def text(name: str, length: int = 5) -> Column:
    return Column(name, f"VARCHAR({length}) NOT NULL")


@pytest.fixture
def declared(table: WindowTable) -> WindowTable:
    top = TopView(f"{table.name}_top2", 2, "rank", "n", ("name",), ("label",))
    return WindowTable(table.name, (START, END, text("label"), text("name")), (COUNT, MEAN), "n", top)


@pytest.fixture
async def store(mysql_url: str, server: MySqlServer) -> AsyncIterator[MySqlStore]:
    opened = MySqlStore(mysql_url)
    yield opened
    await opened.close()


def history(server: MySqlServer, table: WindowTable) -> list[str]:
    found = server.run(f"SELECT `statement` FROM cauce_schema WHERE name LIKE '{table.name}%' ORDER BY id")
    return [" ".join(statement.split()[:2]) for (statement,) in found]


def columns(server: MySqlServer, name: str) -> list[tuple[Any, ...]]:
    return [row[:3] for row in server.run(f"DESCRIBE `{name}`")]


async def test_repeating_changes_nothing(store: MySqlStore, server: MySqlServer, declared: WindowTable) -> None:
    """The first time makes table and view and records both; every further one does and records nothing."""
    for _ in range(3):
        await store.apply_schema([declared])
        assert history(server, declared) == ["CREATE TABLE", "CREATE OR"]
    ((when, hash_),) = server.run(f"SELECT applied_at, hash FROM cauce_schema WHERE name = '{declared.name}'")
    assert (when.year > 2000, len(hash_)) == (True, 64)


async def test_new_columns_are_added(store: MySqlStore, server: MySqlServer, declared: WindowTable) -> None:
    """Old rows have NULL in them, the view has them too; a column that isn't declared any more stays, unwritten."""
    await store.apply_schema([replace(declared, values=(COUNT,))])
    server.run(f"INSERT INTO `{declared.name}` VALUES ('2026-01-01', '2026-01-02', 'a', 'b', 3, 1)")
    await store.apply_schema([declared])
    await store.apply_schema([replace(declared, values=(COUNT, TOTAL))])
    assert history(server, declared) == ["CREATE TABLE", "CREATE OR", *(2 * ["ALTER TABLE", "CREATE OR"])]
    assert server.run(f"SELECT n, mean, total FROM `{declared.name}`") == [(3, None, None)]
    assert [name for name, *_ in columns(server, f"{declared.name}_top2")][-3:] == ["n", "total", "rank"]


async def test_a_text_is_itself_alone(store: MySqlStore, server: MySqlServer, declared: WindowTable) -> None:
    """Case, accents, how they are written and spaces at the end make another key, also once the column is wider."""
    await store.apply_schema([declared])
    names = ["a", "a ", "a  ", "A", "ä", "a\u0308", "", " "]
    for length in (5, 9):
        await store.apply_schema([replace(declared, key=(START, END, text("label", length), text("name", length)))])
        server.run(f"DELETE FROM `{declared.name}`")
        for name in names:
            server.run(f"INSERT INTO `{declared.name}` VALUES ('2026-01-01', '2026-01-02', 'x', '{name}', 1, 0, 1)")
        assert server.run(f"SELECT name FROM `{declared.name}` ORDER BY name") == [(name,) for name in sorted(names)]
        assert server.run(f"SELECT n FROM `{declared.name}` WHERE name = 'a '") == [(1,)]


async def test_texts_that_are_padded_are_refused(store: MySqlStore, server: MySqlServer, declared: WindowTable) -> None:
    """A table of which the texts compare otherwise can't hold what is declared."""
    await store.apply_schema([declared])
    server.run(f"ALTER TABLE `{declared.name}` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    with pytest.raises(Fatal, match="`label` is `varchar utf8mb4_bin` in MySQL and `varchar utf8mb4_"):
        await store.apply_schema([declared])


async def test_texts_only_get_longer(store: MySqlStore, server: MySqlServer, declared: WindowTable) -> None:
    """A longer text widens its column; a shorter one leaves it as wide as it is."""
    for length in (5, 90, 7):
        await store.apply_schema([replace(declared, key=(START, END, text("label", length), text("name")))])
        assert ("label", f"varchar({max(length, 5 if length == 5 else 90)})", "NO") in columns(server, declared.name)
    assert history(server, declared).count("ALTER TABLE") == 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another key": (
        {"key": (START, END, text("name"), text("label"))},
        "the key is .*`label`, `name`.* in MySQL and .*`name`, `label`",
    ),
    "another type of a value": (
        {"values": (COUNT, Column("mean", "BIGINT NULL"))},
        "`mean` is `double` in MySQL and `bigint` in",
    ),
    "another type of a key": (
        {"key": (START, END, text("label"), Column("name", "BIGINT NOT NULL"))},
        "`varchar utf8mb4_(nopad|0900)_bin` in MySQL and `bigint`",
    ),
    "another count": (
        {"values": (MEAN, Column("events", "BIGINT NOT NULL")), "count": "events"},
        r"is \(`n`\) in MySQL and `events` in",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_must_not_change_is_refused(
    store: MySqlStore, server: MySqlServer, declared: WindowTable, what: str
) -> None:
    """The message names both sides and the way out, and nothing is changed, not even what could have been."""
    change, message = REFUSED[what]
    await store.apply_schema([declared])
    before = columns(server, declared.name)
    other = replace(declared, name=f"{declared.name}_new", top=None)
    with pytest.raises(Fatal, match=message) as caught:
        await store.apply_schema([other, replace(declared, top=None, **change)])
    assert "another `table`" in str(caught.value)
    assert columns(server, declared.name) == before
    assert server.run(f"SHOW TABLES LIKE '{other.name}'") == []


async def test_a_foreign_table_is_refused(store: MySqlStore, server: MySqlServer, declared: WindowTable) -> None:
    """A table of somebody else's under a declared name is left alone, and so is one under the name of a view."""
    server.run(f"CREATE TABLE `{declared.name}` (id INT PRIMARY KEY)")
    with pytest.raises(Fatal, match="it isn't a table of windows"):
        await store.apply_schema([declared])
    with pytest.raises(Fatal, match="is a table in MySQL and a view in the declaration"):
        await store.apply_schema([replace(declared, name="free", top=replace(declared.top, name=declared.name))])  # type: ignore[type-var]


async def test_two_at_once(mysql_url: str, server: MySqlServer, declared: WindowTable) -> None:
    """Several that begin together leave what one would."""
    stores = [MySqlStore(mysql_url) for _ in range(4)]
    await asyncio.gather(*(store.apply_schema([declared]) for store in stores))
    for store in stores:
        await store.close()
    assert history(server, declared) == ["CREATE TABLE", "CREATE OR"]


async def test_the_view_ranks_each_window(store: MySqlStore, server: MySqlServer, declared: WindowTable) -> None:
    """By the measure descending, then by the name; each label of each window for itself; no more than n."""
    await store.apply_schema([declared])
    rows = [("01", "a", "x", 1), ("01", "a", "z", 5), ("01", "a", "Y", 5), ("01", "b", "x", 1), ("02", "a", "x", 9)]
    for day, label, name, count in rows:
        server.run(
            f"INSERT INTO `{declared.name}` VALUES ('2026-01-{day}', '2026-01-03', '{label}', '{name}', {count}, 0, 1)"
        )
    found = server.run(
        f"SELECT DAY(window_start), label, name, n, `rank` FROM `{declared.name}_top2` ORDER BY 1, label, `rank`"
    )
    assert found == [(1, "a", "Y", 5, 1), (1, "a", "z", 5, 2), (1, "b", "x", 1, 1), (2, "a", "x", 9, 1)]


async def test_a_view_reads_only_the_windows_it_is_asked_for(
    store: MySqlStore, server: MySqlServer, declared: WindowTable
) -> None:
    """The filter on `window_start` gets through the ranking to the primary key."""
    await store.apply_schema([declared])
    values = ", ".join(
        f"('2026-01-{day:02}', '2026-02-01', 'a', '{name}', 1, 0, 1)" for day in range(1, 29) for name in range(50)
    )
    server.run(f"INSERT INTO `{declared.name}` VALUES {values}")
    server.run(f"ANALYZE TABLE `{declared.name}`")
    explained = server.run(f"EXPLAIN SELECT * FROM `{declared.name}_top2` WHERE window_start = '2026-01-05'")
    (of_table,) = [row for row in explained if declared.name in row]
    assert "PRIMARY" in of_table
    assert max(int(cell) for cell in of_table if str(cell).isdigit()) < 200


def test_mysqls_words_for_types_are_known() -> None:
    """MySQL tells `bigint` where MariaDB tells `bigint(20)`: neither is another type than the declared one."""
    table = WindowTable("t", (START, END, text("label")), (COUNT, MEAN), "n")
    for whole in ("bigint", "bigint(20)"):
        found = Found(
            columns={
                "window_start": kind("datetime(3)"),
                "window_end": kind("datetime(3)"),
                "label": kind("varchar(5)", MYSQL_TEXT),
                "n": kind(whole),
                "mean": kind("double", nullable=True),
                "_epoch": kind(whole),
            },
            key=["window_start", "window_end", "label"],
        )
        assert plan([table], {"t": found}, {}, MYSQL_TEXT) == []
        for other in ("utf8mb4_0900_ai_ci", "utf8mb4_bin", MARIADB_TEXT):
            found.columns["label"] = kind("varchar(5)", other)
            with pytest.raises(Fatal, match=f"`varchar {other}` in MySQL and `varchar utf8mb4_0900_bin` in"):
                plan([table], {"t": found}, {}, MYSQL_TEXT)


def kind(name: str, collation: str | None = None, *, nullable: bool = False) -> Kind:
    return Kind.of(name, collation, nullable=nullable)


def test_a_view_is_replaced_where_its_text_changed(declared: WindowTable) -> None:
    """What was applied last counts, not whether it was applied once."""
    assert declared.top is not None
    (step,) = [step for step in plan([declared], {}, {}, MARIADB_TEXT) if step.name == declared.top.name]
    assert step.statement == create_view(declared, declared.top)
    there = {declared.top.name: Found(is_view=True)}
    for applied, again in (({step.name: step.hash}, False), ({step.name: "another"}, True), ({}, True)):
        assert (step in plan([declared], there, applied, MARIADB_TEXT)) is again
