"""Bookmarks in both stores; and stores that are put back to an older state, with Kafka for real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

import pytest
from pymongo.database import Database

from services.db_writer.bootstrap import documents_pipeline, metrics_pipeline, readings_pipeline
from services.db_writer.mongo import INDEXES, MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.progress import PROGRESS, MongoProgress, MySqlProgress
from services.db_writer.readings import ReadingStore
from shared.contracts.documents import State
from shared.kafka.client import Connection, KafkaAdmin, KafkaConsumer, KafkaProducer
from shared.kafka.loop import ConsumeLoop
from shared.kafka.pipeline import Limits, Pipeline
from shared.kafka.progress import Bookmark, Progress
from shared.kafka.records import Outgoing, Partition
from shared.tables import WindowTable
from shared.topics import DOCUMENTS_STATUS, PROCESSED_METRICS, PROCESSED_READINGS, Topic
from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.samples import Documents, status
from tests.waiting import until

pytestmark = pytest.mark.fleet
Mongo = Database[Documents]
NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
P, Q = Partition("t", 0), Partition("t", 1)
UUIDS = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"]
COLLECTION = "bench"
LIMITS = Limits(inspect_every=0.3, drain=5.0)


@pytest.fixture
def group(server: MySqlServer) -> Iterator[str]:
    name = f"test-{uuid4().hex[:8]}"
    yield name
    server.run(f"DELETE FROM cauce_progress WHERE group_name = '{name}'")


class InMongoDb(NamedTuple):
    store: MongoStore
    database: Mongo


class InMySql(NamedTuple):
    store: MySqlStore
    server: MySqlServer
    table: WindowTable
    group: str


@pytest.fixture
def in_mongodb(store: MongoStore, database: Mongo) -> InMongoDb:
    return InMongoDb(store, database)


@pytest.fixture
def in_mysql(rows: MySqlStore, server: MySqlServer, table: WindowTable, group: str) -> InMySql:
    return InMySql(rows, server, table, group)


class Kind(NamedTuple):
    """A store's bookmarks, and a way to write a row into it by hand."""

    progress: Progress
    write: Callable[[], object]


@pytest.fixture(params=["mongodb", "mysql"])
def kind(request: pytest.FixtureRequest, in_mongodb: InMongoDb, in_mysql: InMySql) -> Kind:
    rows, server, table, group = in_mysql
    if request.param == "mongodb":
        progress = MongoProgress(in_mongodb.store.database, group, [*INDEXES, COLLECTION])
        return Kind(progress, lambda: in_mongodb.database[COLLECTION].insert_one({"_id": "x"}))
    statement = f"INSERT INTO {table.name} (window_start, label, events, _epoch) VALUES ('2026-01-02', 'x', 1, 1)"
    return Kind(MySqlProgress(rows, group, [table]), lambda: server.run(statement))


async def test_a_store_tells_whether_it_is_empty_or_says_nothing(kind: Kind) -> None:
    """Without bookmarks an empty store holds nothing; one with rows was written by an older release."""
    assert await kind.progress.load() == {}
    kind.write()
    assert await kind.progress.load() is None


async def test_bookmarks_come_back_as_they_were(kind: Kind) -> None:
    """With the offset, the topic's id and the time, of each partition of this group."""
    marks = {P: Bookmark(5, UUIDS[0], NOW), Q: Bookmark(2**40, UUIDS[1], NOW)}
    assert await kind.progress.save(marks, {})
    kind.write()
    assert await kind.progress.load() == marks


async def test_a_bookmark_replaces_the_one_that_was_seen_alone(kind: Kind) -> None:
    """Of several, those that are as they were seen are written, and it is said that one wasn't."""
    first, second, third = (Bookmark(offset, UUIDS[0], NOW) for offset in (5, 9, 12))
    assert await kind.progress.save({P: first, Q: first}, {})
    assert not await kind.progress.save({P: second}, {})
    assert await kind.progress.save({P: second}, {P: first})
    assert not await kind.progress.save({P: third, Q: third}, {P: first, Q: first})
    assert await kind.progress.load() == {P: second, Q: third}
    anew = Bookmark(1, UUIDS[1], NOW)
    assert await kind.progress.save({P: anew}, {P: second})
    assert await kind.progress.load() == {P: anew, Q: third}


# ---- put back --------------------------------------------------------------------------------------------------------


class Bench:
    """One of db_writer's pipelines, with a topic and a group of its own, on real parts."""

    def __init__(self, kafka: Connection, pipeline: Pipeline, topic: Topic) -> None:
        self.kafka = kafka
        self.topic = replace(topic, name=f"back-{uuid4().hex[:8]}", partitions=3)
        self.pipeline = replace(pipeline, group=self.topic.name, topics=(self.topic,), limits=LIMITS)

    async def create(self) -> None:
        async with KafkaAdmin(self.kafka) as admin:
            await admin.create(self.topic, 1)

    async def send(self, numbers: range) -> None:
        producer = KafkaProducer(self.kafka)
        try:
            await producer.publish([Outgoing(self.topic.name, str(n).encode(), self.event(n)) for n in numbers])
        finally:
            await producer.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ConsumeLoop]:
        consumer = KafkaConsumer(self.kafka, self.pipeline.group, [self.topic.name], progress=self.pipeline.progress)
        producer = KafkaProducer(self.kafka)
        loop = ConsumeLoop(self.pipeline, consumer, producer)
        task = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            loop.stop()
            await asyncio.wait({task}, timeout=30)
            await producer.stop()
        task.result()

    async def committed(self, count: int) -> bool:
        async with KafkaAdmin(self.kafka) as admin:
            return sum((await admin.committed(self.pipeline.group)).values()) == count

    async def told(self, count: int) -> bool:
        """Whether the store knows that it has so many records, and the group, too."""
        assert self.pipeline.progress is not None
        bookmarks = await self.pipeline.progress.load() or {}
        ours = [mark.offset for partition, mark in bookmarks.items() if partition.topic == self.topic.name]
        return sum(ours) == count and await self.committed(count)

    def event(self, number: int) -> bytes:
        raise NotImplementedError

    def numbers(self) -> set[int]:
        """That the store has."""
        raise NotImplementedError

    def backup(self) -> Callable[[], None]:
        """Returns what puts the store back to what it is now."""
        raise NotImplementedError


class InMongo(Bench):
    database: Mongo

    def backup(self) -> Callable[[], None]:
        names = [name for name in self.database.list_collection_names() if self.database[name].find_one()]
        kept = {name: list(self.database[name].find()) for name in names}

        def put_back() -> None:
            """The bookmarks last, and each at once: until then a writer only adds to what is there."""
            for name in kept.keys() - {PROGRESS}:
                self.database[name].delete_many({})
                self.database[name].insert_many(kept[name])
            for document in kept[PROGRESS]:
                self.database[PROGRESS].replace_one({"_id": document["_id"]}, document)

        return put_back


class OfReadings(InMongo):
    def __init__(self, kafka: Connection, mongodb: InMongoDb) -> None:
        pipeline = readings_pipeline(ReadingStore(mongodb.store), {COLLECTION}, LIMITS)
        super().__init__(kafka, pipeline, PROCESSED_READINGS)
        self.database = mongodb.database

    def event(self, number: int) -> bytes:
        times = {"_event_time": NOW.isoformat(), "_received_at": NOW.isoformat()}
        fields = {"_collection_name": COLLECTION, "_id": str(number), "_position": "t-0-0", "_offset": 0, **times}
        return json.dumps(fields).encode()

    def numbers(self) -> set[int]:
        return {int(row["_id"]) for row in self.database[COLLECTION].find()}


class OfDocuments(InMongo):
    def __init__(self, kafka: Connection, mongodb: InMongoDb) -> None:
        super().__init__(kafka, documents_pipeline(mongodb.store, LIMITS), DOCUMENTS_STATUS)
        self.database = mongodb.database

    def event(self, number: int) -> bytes:
        return status(State.RECEIVED, document=str(number), version=number).to_json()

    def numbers(self) -> set[int]:
        return {int(row["_id"]) for row in self.database["documents"].find()}


class OfRows(Bench):
    def __init__(self, kafka: Connection, mysql: InMySql) -> None:
        store, server, table, group = mysql
        pipeline = metrics_pipeline(store, {table.name: table}, LIMITS)
        super().__init__(kafka, replace(pipeline, progress=MySqlProgress(store, group, [table])), PROCESSED_METRICS)
        self.server, self.table, self.of_group = server, table.name, group

    def event(self, number: int) -> bytes:
        times = {"window_start": "2026-01-02T03:04:00.000Z"}
        fields = {"_table_name": self.table, "_epoch": 1, **times, "label": str(number), "events": 1, "mean": 0.5}
        return json.dumps(fields).encode()

    def numbers(self) -> set[int]:
        return {int(label) for (label,) in self.server.run(f"SELECT label FROM {self.table}")}

    def backup(self) -> Callable[[], None]:
        places = {self.table: "TRUE", "cauce_progress": f"group_name = '{self.of_group}'"}
        for name, where in places.items():
            self.server.run(f"CREATE TEMPORARY TABLE aside_{name} AS SELECT * FROM {name} WHERE {where}")

        def at_once() -> None:
            self.server.run("BEGIN")
            for name, where in places.items():
                self.server.run(f"DELETE FROM {name} WHERE {where}")
                self.server.run(f"INSERT INTO {name} SELECT * FROM aside_{name}")
            self.server.run("COMMIT")

        return at_once


@pytest.fixture(params=[OfDocuments, OfReadings, OfRows])
async def bench(request: pytest.FixtureRequest, kafka: Connection, in_mongodb: InMongoDb, in_mysql: InMySql) -> Bench:
    bench: Bench = request.param(kafka, in_mysql if request.param is OfRows else in_mongodb)
    await bench.create()
    return bench


async def test_a_backup_that_is_put_back_while_nobody_writes(bench: Bench) -> None:
    """Everything that was written after it is there again, though the group has committed it."""
    await bench.send(range(30))
    async with bench.running():
        await until(lambda: bench.committed(30))
    put_back = bench.backup()
    await bench.send(range(30, 60))
    async with bench.running():
        await until(lambda: bench.committed(60))
    put_back()
    assert bench.numbers() == set(range(30))
    async with bench.running():
        await until(lambda: bench.numbers() == set(range(60)))
        await until(lambda: bench.committed(60))


async def test_a_backup_that_is_put_back_underneath_a_writer(bench: Bench) -> None:
    """It goes back with its store, by itself, whether it writes on or has nothing to do."""
    async with bench.running() as loop:
        await bench.send(range(30))
        await until(lambda: bench.committed(30))
        put_back = bench.backup()
        await bench.send(range(30, 60))
        await until(lambda: bench.told(60))
        put_back()
        await until(lambda: bench.told(60))
        assert bench.numbers() == set(range(60))
        put_back()
        await bench.send(range(60, 90))
        await until(lambda: bench.told(90))
        assert bench.numbers() == set(range(90))
        await until(lambda: loop.problem() is None)
        assert [line.imbalance for line in loop.ledger()] == [0]
