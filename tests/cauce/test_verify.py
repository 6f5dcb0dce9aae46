from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pymongo
import pytest

from cauce.verify import Verified, as_document, differences_table, examine
from compose.local.errors import LocalStackError
from compose.local.outcome import connect_mysql
from compose.local.stored import Stores
from shared.ddl import statements
from shared.errors import Code
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer
from shared.kafka.deadletters import Failure, dead_letter
from shared.kafka.records import Acknowledged, Outgoing, Record
from shared.streams.declaration import Stream
from shared.streams.replay import Replay
from shared.streams.tables import window_table
from shared.streams.topics import input_topic
from tests.shared.streams.samples import orders

pytestmark = pytest.mark.fleet


class World:
    """A stream of its own on the real parts, and what the fleet would have written of it."""

    def __init__(self, stream: Stream, kafka: Connection, stores: Stores, producer: KafkaProducer) -> None:
        self.stream, self.kafka, self.stores, self._producer = stream, kafka, stores, producer
        self.table = window_table(stream, stream.windows[0])

    async def send(self, *values: bytes) -> Sequence[Acknowledged]:
        return await self._producer.publish([Outgoing(self.stream.name, b"k", value) for value in values])

    async def bury(self, value: bytes, done: Acknowledged, code: Code) -> None:
        """Write its dead letter."""
        failed = Record(done.partition, done.offset, done.timestamp, b"k", value)
        failure = Failure(code, "no", 1, datetime.now(UTC))
        group, topic = f"streaming.{self.stream.name}", f"{self.stream.name}.dlq"
        await self._producer.publish([dead_letter(failed, failure, group=group, service="streaming", dlq_topic=topic)])

    def sql(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        with closing(connect_mysql(self.stores.mysql_url)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            connection.commit()

    def row(self, at: int, customer: str, count: int, mean: float | None, items: int) -> None:
        start = datetime.fromtimestamp(at // 60_000 * 60, UTC).replace(tzinfo=None)
        cells = (start, start + timedelta(minutes=1), customer, count, mean, items, 1)
        self.sql(f"REPLACE INTO `{self.table.name}` VALUES ({', '.join(['%s'] * len(cells))})", cells)

    def reading(self, done: Acknowledged, **fields: object) -> None:
        assert self.stream.readings is not None
        position = f"{done.partition.topic}-{done.partition.number}-{done.offset}"
        with pymongo.MongoClient[dict[str, Any]](self.stores.mongodb_url) as client:
            collection = client[self.stores.mongodb_database][self.stream.readings.collection]
            document = {"_id": position, "position": position, "_offset": done.offset, **fields}
            collection.replace_one({"_id": position}, document, upsert=True)

    async def verify(self) -> Verified:
        return await examine(Replay(self.kafka, self.stream), self.kafka, self.stores)


@pytest.fixture
def stores(mysql_url: str, mongodb_url: str) -> Iterator[Stores]:
    """With a MongoDB database of its own."""
    database = f"test_{uuid4().hex}"
    yield Stores(mysql_url, mongodb_url, database)
    with pymongo.MongoClient[dict[str, Any]](mongodb_url) as client:
        client.drop_database(database)


@pytest.fixture
async def world(kafka: Connection, stores: Stores) -> AsyncIterator[World]:
    name = f"test_{uuid4().hex[:12]}"
    stream = orders(**{"name": name, "windows.0.table": name, "readings": {"collection": name}})
    producer = KafkaProducer(kafka)
    await producer.start()
    async with KafkaAdmin(kafka) as admin:
        for topic in (input_topic(stream), input_topic(stream).dlq):
            await admin.create(topic, 1)
    made = World(stream, kafka, stores, producer)
    for statement in statements(made.table):
        made.sql(statement)
    yield made
    await producer.stop()
    made.sql(f"DROP VIEW IF EXISTS `{name}_top3`")
    made.sql(f"DROP TABLE `{name}`")


def event(at: int, **values: object) -> bytes:
    return json.dumps({"customer": "a", "items": 1, "at": at, **values}).encode()


def differing(result: Verified) -> list[int]:
    """Of rows, readings, dead letters."""
    return [comparison.differing for comparison in result.comparisons]


async def test_what_the_fleet_wrote_rightly_is_no_difference(world: World) -> None:
    """Rows, readings and dead letters, each compared with what the raw topic says."""
    now = int(time.time() * 1000)
    one, two, bad = await world.send(event(now, price=1.5), event(now, price=0.25, items=2), event(now, items=0))
    world.row(now, "a", 2, 0.875, 3)
    world.reading(one, customer="a", items=1, price=1.5, at=now)
    world.reading(two, customer="a", items=2, price=0.25, at=now)
    await world.bury(event(now, items=0), bad, Code.OUT_OF_RANGE)
    result = await world.verify()
    assert (result.records, result.refused, result.differing) == (3, 1, 0)
    assert [comparison.compared for comparison in result.comparisons] == [1, 2, 1]
    assert json.loads(as_document([result]))["differences"] == 0


async def test_every_kind_of_difference_is_found(world: World) -> None:
    """A wrong cell, a row too many, a reading that differs, one that is missing, a dead letter that is missing."""
    now = int(time.time() * 1000)
    one, _, _ = await world.send(event(now, price=1.5), event(now), b"rubbish")
    world.row(now, "a", 2, 1.25, 2)
    world.row(now - 3_600_000, "nobody", 1, None, 1)
    world.reading(one, customer="b", items=1, price=1.5, at=now)
    result = await world.verify()
    assert differing(result) == [2, 2, 1]
    assert result.differing == 5
    rows, readings, letters = result.comparisons
    assert {(example.column, example.ours, example.stored) for example in rows.examples} == {
        ("mean", 1.5, 1.25),
        ("", None, "1 | None | 1"),
    }
    assert readings.examples[0].column == "customer"
    assert letters.examples[0].ours is Code.INVALID_JSON
    assert differences_table(rows).row_count == 2


async def test_a_second_look_sees_what_came_right(world: World) -> None:
    """`--wait` looks again without reading everything again."""
    now = int(time.time() * 1000)
    replay = Replay(world.kafka, world.stream)
    (one,) = await world.send(event(now))
    assert (await examine(replay, world.kafka, world.stores)).differing == 2
    world.row(now, "a", 1, None, 1)
    world.reading(one, customer="a", items=1, at=now)
    assert (await examine(replay, world.kafka, world.stores)).differing == 0
    assert replay.recomputed.records == 1


async def test_a_table_that_is_not_there_is_told(world: World) -> None:
    """With the command that makes it."""
    world.sql(f"RENAME TABLE `{world.table.name}` TO `{world.table.name}_x`")
    with pytest.raises(LocalStackError, match=r"MySQL: Table .* doesn't exist") as caught:
        list(world.stores.rows(world.table))
    world.sql(f"RENAME TABLE `{world.table.name}_x` TO `{world.table.name}`")
    assert caught.value.advice == "create it: python -m services.db_writer --init"


def test_stores_that_are_away_are_told() -> None:
    """In a line, without a password."""
    away = Stores("mysql://u:secret@127.0.0.1:1/d", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50", "d")
    stream = orders()
    with pytest.raises(LocalStackError, match="MySQL: Can't connect") as caught:
        list(away.rows(window_table(stream, stream.windows[0])))
    assert "secret" not in str(caught.value)
