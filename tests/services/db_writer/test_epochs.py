"""The end of a table's older epochs, in a real MariaDB or MySQL."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from services.db_writer.epochs import Cut, living
from services.db_writer.handlers import Metrics
from services.db_writer.mysql import MySqlStore
from services.db_writer.rows import Row
from shared.contracts.metrics import MetricRow
from shared.errors import Code, Permanent
from shared.tables import WindowTable
from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.samples import messages

pytestmark = pytest.mark.fleet


def day(number: int) -> datetime:
    return datetime(2026, 1, number)  # noqa: DTZ001 as DATETIME has it


def row(table: WindowTable, at: int, label: str = "a", epoch: int = 1, events: int = 1) -> Row:
    return Row(table, (epoch, events), (day(at), label, events, 0.5))


def told(table: WindowTable, at: int, label: str, epoch: int, events: int = 1) -> MetricRow:
    cells = {"window_start": f"2026-01-{at:02}T00:00:00.000Z", "label": label, "events": events, "mean": 0.5}
    return MetricRow.model_validate({"_table_name": table.name, "_epoch": epoch, **cells})


def control(table: WindowTable, epoch: int, since: int | None) -> MetricRow:
    at = None if since is None else f"2026-01-{since:02}T00:00:00.000Z"
    value = {"_table_name": table.name, "_epoch": epoch, "_control": "truncate", "_since": at}
    return MetricRow.model_validate(value)


def stored(server: MySqlServer, table: WindowTable) -> list[tuple[Any, ...]]:
    return server.run(f"SELECT DAY(window_start), label, _epoch FROM `{table.name}` ORDER BY 1, 2")


@pytest.fixture
def handler(rows: MySqlStore, table: WindowTable) -> Metrics:
    return Metrics(rows, {table.name: table})


async def feed(handler: Metrics, *batches: Sequence[MetricRow]) -> None:
    for batch in batches:
        await handler.handle(messages(batch))


async def test_old_rows_go_from_since_on(handler: Metrics, server: MySqlServer, table: WindowTable) -> None:
    """Rows of windows before `since`, and those of the new epoch, stay; late ones of the old epoch are left out."""
    old = [told(table, at, "a", 1) for at in (1, 2, 3)]
    await feed(handler, old, [told(table, 3, "b", 2)], [control(table, 2, 2)])
    assert stored(server, table) == [(1, "a", 1), (3, "b", 2)]
    await feed(handler, [*old, told(table, 2, "c", 2)])
    assert stored(server, table) == [(1, "a", 1), (2, "c", 2), (3, "b", 2)]


async def test_without_since_all_old_rows_go(handler: Metrics, server: MySqlServer, table: WindowTable) -> None:
    """And none comes back, however old its window."""
    await feed(handler, [told(table, 1, "a", 1), told(table, 2, "a", 2)], [control(table, 2, None)])
    await feed(handler, [told(table, 1, "a", 1)])
    assert stored(server, table) == [(2, "a", 2)]


async def test_the_order_within_and_between_batches_does_not_matter(
    handler: Metrics, server: MySqlServer, table: WindowTable
) -> None:
    """A row of the old epoch, one of the new and the control, in every order, one by one and at once."""
    events = [told(table, 2, "a", 1, events=9), told(table, 2, "b", 2), told(table, 1, "a", 1), control(table, 2, 2)]
    for order in itertools.permutations(events):
        for batches in ([[event] for event in order], [list(order)]):
            server.run(f"DELETE FROM `{table.name}`")
            server.run(f"DELETE FROM cauce_epochs WHERE table_name = '{table.name}' AND epoch > 0")
            await feed(handler, *batches)
            assert stored(server, table) == [(1, "a", 1), (2, "b", 2)]


async def test_every_reset_is_remembered(handler: Metrics, server: MySqlServer, table: WindowTable) -> None:
    """After a second reset from a later window on, what the first one ended still doesn't come back."""
    await feed(handler, [control(table, 2, 2)], [control(table, 3, 4)], [control(table, 2, 2)])
    await feed(handler, [told(table, at, "a", epoch) for epoch in (1, 2) for at in (1, 3, 5)])
    assert stored(server, table) == [(1, "a", 2), (3, "a", 2)]


async def test_one_epoch_told_twice_covers_the_more(handler: Metrics, server: MySqlServer, table: WindowTable) -> None:
    """Whichever `since` came last, the earlier one counts, and none at all is the earliest."""
    found = f"SELECT DAY(since) FROM cauce_epochs WHERE table_name = '{table.name}' AND epoch = 2"
    for since, expected in ((3, 3), (5, 3), (2, 2), (None, None), (4, None)):
        await feed(handler, [control(table, 2, since)])
        assert server.run(found) == [(expected,)]


async def test_many_rows_go_in_small_steps(
    monkeypatch: pytest.MonkeyPatch, rows: MySqlStore, server: MySqlServer, table: WindowTable
) -> None:
    """More rows than one statement deletes, with new ones between them, end as they should, and are counted."""
    monkeypatch.setattr("services.db_writer.mysql.DELETED_AT_ONCE", 7)
    batch = [row(table, at, f"{place:02}", 1 + (place % 3 == 0)) for at in (1, 2, 3) for place in range(20)]
    await rows.write(batch)
    assert await rows.truncate(table, Cut(table.name, 2, day(2))) == 26
    assert len(stored(server, table)) == 34
    assert await rows.truncate(table, Cut(table.name, 2, day(2))) == 0


async def test_a_writer_that_slept_brings_nothing_back(
    rows: MySqlStore, server: MySqlServer, table: WindowTable, mysql_url: str
) -> None:
    """Writers of the old epoch that run while it ends leave no row of it."""
    others = [MySqlStore(mysql_url) for _ in range(3)]

    async def keep_writing(store: MySqlStore, label: str) -> None:
        for events in range(1, 40):
            await store.write([row(table, 2, f"{label}{events}")])

    writing = [asyncio.create_task(keep_writing(store, label)) for store, label in zip(others, "xyz", strict=True)]
    await asyncio.sleep(0.05)
    await asyncio.gather(*(rows.truncate(table, Cut(table.name, 2, day(1))) for _ in range(3)))
    await asyncio.gather(*writing)
    for store in others:
        await store.close()
    assert stored(server, table) == []


async def test_an_epoch_waits_for_writers_under_way(rows: MySqlStore, server: MySqlServer, table: WindowTable) -> None:
    """While a transaction that read the epochs is open, no new one begins."""
    server.run("BEGIN")
    server.run(f"SELECT * FROM cauce_epochs WHERE table_name = '{table.name}' LOCK IN SHARE MODE")
    beginning = asyncio.create_task(rows.truncate(table, Cut(table.name, 2, None)))
    await asyncio.sleep(0.2)
    assert not beginning.done()
    server.run(f"INSERT INTO `{table.name}` VALUES ('2026-01-01', 'a', 1, 1, 1)")
    server.run("COMMIT")
    assert await beginning == 1


async def test_writers_are_told_how_many_rows_were_left_out(rows: MySqlStore, table: WindowTable) -> None:
    """Those of ended epochs are counted, not refused: they are the past."""
    await rows.truncate(table, Cut(table.name, 3, day(2)))
    assert await rows.write([row(table, 1), row(table, 2), row(table, 3, epoch=2), row(table, 4, epoch=3)]) == 2
    assert await rows.write([row(table, 2)]) == 1
    assert await rows.write([]) == 0


async def test_a_control_for_an_undeclared_table_is_refused(handler: Metrics, table: WindowTable) -> None:
    """The allow-list holds for controls as for rows."""
    stranger = MetricRow.model_validate({"_table_name": "mysql.user", "_epoch": 2, "_control": "truncate"})
    with pytest.raises(Permanent) as caught:
        await feed(handler, [stranger])
    assert caught.value.code is Code.UNKNOWN_TABLE


def test_a_cut_is_about_its_own_table(table: WindowTable) -> None:
    """Rows of other tables, of the same epoch, and of windows before `since` live on."""
    rows = [row(table, 1), row(table, 2), row(table, 2, epoch=2)]
    assert living(rows, [Cut(table.name, 2, day(2))]) == [rows[0], rows[2]]
    assert living(rows, [Cut("another", 9, None)]) == rows
