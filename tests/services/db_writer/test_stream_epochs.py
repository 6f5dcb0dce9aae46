from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from services.db_writer.epochs import Cut
from services.db_writer.mysql import MySqlStore
from services.db_writer.sql import greatest_epoch
from services.db_writer.stream_epochs import EpochKeeper, is_behind, raised
from shared.contracts.streams import StreamApplied
from shared.kafka.client import Connection, KafkaAdmin
from shared.streams.applying import in_force as applied_streams
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams
from shared.streams.tables import tables
from shared.streams.topics import input_topic
from tests.adopting import adopt
from tests.services.db_writer.mysql_server import MySqlServer

NOW = datetime(2026, 1, 2, tzinfo=UTC)
STREAM = load_streams()[0]


def in_force(epoch: int, floor: int | None = None) -> StreamApplied:
    declaration = {"name": "as it was applied"}
    return StreamApplied(stream=STREAM.name, epoch=epoch, declaration=declaration, applied_at=NOW, floor=floor)


@pytest.mark.parametrize(
    ("applied", "greatest", "behind"),
    [
        (None, 0, False),
        (None, 1, True),
        (in_force(1), 0, False),
        (in_force(2), 1, False),
        (in_force(3), 3, False),
        (in_force(1), 3, True),
    ],
)
def test_an_epoch_is_behind_where_mysql_has_a_greater_one(
    applied: StreamApplied | None, greatest: int, behind: bool
) -> None:
    """Rows are written only under an epoch in force, so that a greater one in MySQL means that its record was lost."""
    assert is_behind(applied, greatest) is behind


def test_the_next_epoch_lies_above_all_rows() -> None:
    """Under the declaration in force; of a stream that nothing is known of any more, the declared one."""
    record = raised(STREAM, in_force(1), 7, None, NOW)
    assert (record.epoch, record.declaration) == (8, {"name": "as it was applied"})
    first = raised(STREAM, None, 7, None, NOW)
    assert (first.epoch, first.declaration) == (8, STREAM.canonical())


@pytest.mark.parametrize(
    ("known", "lost_below", "floor"), [(None, None, None), (None, 5, 5), (5, None, 5), (5, 9, 9), (9, 5, 9)]
)
def test_the_greater_floor_counts(known: int | None, lost_below: int | None, floor: int | None) -> None:
    """Windows that were not whole when the epoch in force began are not whole now."""
    assert raised(STREAM, in_force(1, known), 7, lost_below, NOW).floor == floor


# ---- on real parts ---------------------------------------------------------------------------------------------------


DECLARATION = """
name: {name}
event_time: {{field: at}}
fields: {{shop: {{type: string}}, at: {{type: long}}}}
windows: [{{table: {table}, size: 1m, group_by: [shop], select: {{orders: count(*)}}}}]
"""
ROW = (
    "INSERT INTO {table} (window_start, window_end, shop, orders, _epoch) "
    "VALUES ('{start}', '{start}', 'x', 1, {epoch})"
)


@pytest.fixture
async def declared(tmp_path: Path, kafka: Connection) -> Stream:
    """A stream of its own, with its topic, of which nothing is in force."""
    name = f"test_{uuid4().hex[:12]}"
    (tmp_path / "orders.yaml").write_text(DECLARATION.format(name=name, table=name))
    (stream,) = load_streams(tmp_path)
    async with KafkaAdmin(kafka) as admin:
        await admin.create(input_topic(stream), 1)
    return stream


@pytest.fixture
async def store(mysql_url: str, declared: Stream, server: MySqlServer) -> AsyncIterator[MySqlStore]:
    opened = MySqlStore(mysql_url)
    await opened.apply_schema(list(tables([declared]).values()))
    yield opened
    await opened.close()
    server.run(f"DROP TABLE {declared.name}")
    server.run(f"DELETE FROM cauce_epochs WHERE table_name = '{declared.name}'")


@pytest.mark.fleet
async def test_a_lost_epoch_begins_above_the_rows_that_are_there(
    kafka: Connection, declared: Stream, store: MySqlStore, server: MySqlServer
) -> None:
    """Nothing is done for a stream without rows, or while nobody knows whether they came from the topic that is there.
    Else, where its record is gone or begins again at 1, the next epoch is greater than theirs; after that nothing more
    is done."""
    keeper = EpochKeeper(kafka, [declared], store)
    await keeper.keep_once()
    assert declared.name not in await applied_streams(kafka)
    for start, epoch in (("2026-01-01", 2), ("2026-01-02", 4)):
        server.run(ROW.format(table=declared.name, start=start, epoch=epoch))
    for stored in (None, False):
        if stored is not None:
            await adopt(kafka, input_topic(declared), stored=stored)
        await keeper.keep_once()
        assert declared.name not in await applied_streams(kafka)
    await adopt(kafka, input_topic(declared), stored=True)
    for _ in range(2):
        await keeper.keep_once()
        record = (await applied_streams(kafka))[declared.name]
        assert (record.epoch, record.declaration) == (5, declared.canonical())
    assert "knows epoch 4" in (record.reason or "")
    cut = Cut(declared.name, 8, None)
    await store.truncate(tables([declared])[declared.name], cut)
    await keeper.keep_once()
    assert (await applied_streams(kafka))[declared.name].epoch == 9


@pytest.mark.fleet
async def test_the_newest_window_is_found_by_the_primary_key(
    declared: Stream, store: MySqlStore, server: MySqlServer
) -> None:
    """The question reads one row of a table, however many there are."""
    for day in range(1, 28):
        server.run(ROW.format(table=declared.name, start=f"2026-01-{day:02}", epoch=day))
    table = tables([declared])[declared.name]
    before = rows_read(server)
    assert server.run(greatest_epoch(table).replace("%s", f"'{table.name}'")) == [(27,)]
    assert rows_read(server) - before < 10
    assert await store.greatest_epochs([table]) == {table.name: 27}


def rows_read(server: MySqlServer) -> int:
    """By this session, since it began."""
    return sum(int(count) for _, count in server.run("SHOW SESSION STATUS LIKE 'Handler_read%'"))
