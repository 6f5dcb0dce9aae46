"""db_writer's pipelines on Kafka in memory and on real stores: whatever goes wrong, the stores end the same."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo.database import Database

from services.db_writer.bootstrap import documents_pipeline, metrics_pipeline, readings_pipeline
from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.readings import ReadingStore
from shared.kafka.loop import ConsumeLoop
from shared.kafka.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from shared.kafka.pipeline import Batch, Handled, Limits, Pipeline
from shared.kafka.records import Outgoing, Record
from shared.kafka.retry import RetryPolicy
from shared.mysql_address import MySqlAddress
from shared.tables import WindowTable
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_STATUS, EMBEDDINGS_READY, PROCESSED_METRICS, PROCESSED_READINGS
from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.proxy import proxy_to
from tests.services.db_writer.samples import Documents, chunks, vectors
from tests.waiting import until

pytestmark = pytest.mark.fleet
Mongo = Database[Documents]
TOPICS = (PROCESSED_METRICS, PROCESSED_READINGS, CHUNKS_PROCESSED, EMBEDDINGS_READY, DOCUMENTS_STATUS)
QUICK = RetryPolicy(attempts=2, first_wait=0.01, longest_wait=0.05)
LIMITS = Limits(concurrency=3, batch_records=500, drain=5.0)
COLLECTION = "bench"
Hold = Callable[[Batch], Awaitable[None]]


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker({topic.name: topic.partitions for topic in (*TOPICS, *(topic.dlq for topic in TOPICS))})


def send(broker: MemoryBroker, topic: str, *values: dict[str, Any], key: str) -> None:
    for value in values:
        broker.append(Outgoing(topic, str(value[key]).encode(), json.dumps(value, default=str).encode()))


def letters(broker: MemoryBroker, topic: str) -> list[Record]:
    return broker.read(f"{topic}.dlq")


@asynccontextmanager
async def at_work(broker: MemoryBroker, pipeline: Pipeline, hold: Hold | None = None) -> AsyncIterator[MemoryConsumer]:
    """A writer, which is stopped at the end; `hold` is awaited before each of its batches."""

    async def handle(batch: Batch) -> Handled:
        if hold:
            await hold(batch)
        return await pipeline.handler(batch)

    consumer = MemoryConsumer(broker, pipeline.group, [topic.name for topic in pipeline.topics])
    loop = ConsumeLoop(replace(pipeline, handler=handle, retry=QUICK), consumer, MemoryProducer(broker))
    task = asyncio.create_task(loop.run())
    try:
        yield consumer
    finally:
        loop.stop()
        await asyncio.wait({task}, timeout=30)
        task.result()


async def drained(broker: MemoryBroker, pipeline: Pipeline) -> None:
    """Until everything that was written is committed."""
    names = {topic.name for topic in pipeline.topics}
    await until(
        lambda: all(
            broker.committed.get((pipeline.group, partition), 0) == len(log)
            for partition, log in broker.logs.items()
            if partition.topic in names
        )
    )


def metric(table: WindowTable, label: str, events: int = 1) -> dict[str, Any]:
    times = {"window_start": "2026-01-02T03:04:00.000Z"}
    return {"_table_name": table.name, "_epoch": 1, **times, "label": label, "events": events, "mean": events / 2}


def rows_of(server: MySqlServer, table: WindowTable) -> dict[str, tuple[int, float]]:
    return {
        label: (events, mean) for label, events, mean in server.run(f"SELECT label, events, mean FROM {table.name}")
    }


def reading(key: str, offset: int = 0, **fields: Any) -> dict[str, Any]:
    times = {"_event_time": "2026-01-02T03:04:05.678Z", "_received_at": "2026-01-02T03:04:06.000Z"}
    return {
        "_collection_name": COLLECTION,
        "_id": key,
        "_position": f"t-0-{offset}",
        "_offset": offset,
        **times,
        **fields,
    }


def readings_of(database: Mongo) -> dict[str, int]:
    return {row["_id"]: row["_offset"] for row in database[COLLECTION].find()}


def of_metrics(store: MySqlStore, table: WindowTable, limits: Limits = LIMITS) -> Pipeline:
    return metrics_pipeline(store, {table.name: table}, limits)


def of_readings(store: MongoStore, limits: Limits = LIMITS) -> Pipeline:
    return readings_pipeline(ReadingStore(store), {COLLECTION}, limits)


# ---- one bad row -----------------------------------------------------------------------------------------------------


async def test_one_row_of_500_that_mysql_refuses(
    broker: MemoryBroker, rows: MySqlStore, server: MySqlServer, table: WindowTable
) -> None:
    """The one that breaks a rule of the server's own is a dead letter; the other 499 are rows."""
    server.run(f"ALTER TABLE {table.name} ADD CONSTRAINT CHECK (label <> '0250')")
    send(broker, PROCESSED_METRICS.name, *(metric(table, f"{place:04}") for place in range(500)), key="label")
    async with at_work(broker, of_metrics(rows, table)):
        await drained(broker, of_metrics(rows, table))
    (letter,) = letters(broker, PROCESSED_METRICS.name)
    assert (letter.key, letter.header("dlq_error_code")) == (b"0250", b"store_rejected")
    assert set(rows_of(server, table)) == {f"{place:04}" for place in range(500)} - {"0250"}


async def test_one_document_of_500_that_mongodb_refuses(
    broker: MemoryBroker, store: MongoStore, database: Mongo
) -> None:
    """One that breaks the collection's rule and one that BSON can't hold are dead letters; the other 498 are there."""
    database.create_collection(COLLECTION, validator={"value": {"$ne": "bad"}})
    values: list[Any] = list(range(500))
    values[100], values[400] = "bad", 2**70
    sent = [reading(f"{place:04}", value=value) for place, value in enumerate(values)]
    send(broker, PROCESSED_READINGS.name, *sent, key="_id")
    async with at_work(broker, of_readings(store)):
        await drained(broker, of_readings(store))
    found = {letter.key: letter.header("dlq_error_code") for letter in letters(broker, PROCESSED_READINGS.name)}
    assert found == {b"0100": b"store_rejected", b"0400": b"store_rejected"}
    assert set(readings_of(database)) == {f"{place:04}" for place in range(500)} - {"0100", "0400"}


async def test_a_batch_that_no_packet_holds(
    broker: MemoryBroker, own_rows: tuple[MySqlStore, MySqlServer], table: WindowTable
) -> None:
    """Where the server takes only small statements no good row is a dead letter."""
    store, server = own_rows
    send(broker, PROCESSED_METRICS.name, *(metric(table, f"{place:04}") for place in range(500)), key="label")
    async with at_work(broker, of_metrics(store, table)):
        await drained(broker, of_metrics(store, table))
    assert letters(broker, PROCESSED_METRICS.name) == []
    assert len(rows_of(server, table)) == 500


# ---- an unknown outcome ----------------------------------------------------------------------------------------------


async def test_an_unknown_outcome_at_commit(
    broker: MemoryBroker, rows: MySqlStore, server: MySqlServer, mysql_url: str, table: WindowTable
) -> None:
    """The connection is lost between COMMIT and its answer: the batch is written again, and the rows are the same."""
    address = MySqlAddress.parse(mysql_url)
    async with proxy_to(address.login["port"]) as proxy:
        far = MySqlStore(mysql_url.replace(f":{address.login['port']}/", f":{proxy.port}/"))
        proxy.lose_answer_to = b"COMMIT"
        send(broker, PROCESSED_METRICS.name, *(metric(table, f"{n % 100:04}", n) for n in range(500)), key="label")
        async with at_work(broker, of_metrics(far, table)):
            await drained(broker, of_metrics(far, table))
        assert proxy.lost == 1
        await far.close()
    assert letters(broker, PROCESSED_METRICS.name) == []
    assert rows_of(server, table) == {f"{n % 100:04}": (n, n / 2) for n in range(400, 500)}


async def test_an_unknown_outcome_of_an_insert(
    broker: MemoryBroker, store: MongoStore, mongodb_url: str, database: Mongo
) -> None:
    """The connection is lost between a write and its answer: it is written again, and the documents are the same."""
    port = urlsplit(mongodb_url).port or 27017
    async with proxy_to(port) as proxy:
        far = MongoStore(mongodb_url.replace(f":{port}/", f":{proxy.port}/"), database.name)
        proxy.lose_answer_to = b"insert\0"
        send(broker, PROCESSED_READINGS.name, *(reading(f"{n % 100:04}", n) for n in range(500)), key="_id")
        async with at_work(broker, of_readings(far)):
            await drained(broker, of_readings(far))
        assert proxy.lost == 1
        await far.close()
    assert letters(broker, PROCESSED_READINGS.name) == []
    assert readings_of(database) == {f"{n % 100:04}": n for n in range(400, 500)}


# ---- storms and zombies ----------------------------------------------------------------------------------------------


def _storm(broker: MemoryBroker, topic: str, value: Callable[[str, int], dict[str, Any]], seed: int) -> None:
    """Twenty versions of each of 50 keys in any order and any partition."""
    chance = random.Random(seed)
    versions = [(f"{place:04}", number) for place in range(50) for number in range(1, 21)]
    chance.shuffle(versions)
    for label, number in versions:
        broker.append(Outgoing(topic, str(chance.random()).encode(), json.dumps(value(label, number)).encode()))


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_of_duplicate_keys_into_mysql(
    broker: MemoryBroker, rows: MySqlStore, server: MySqlServer, table: WindowTable, seed: int
) -> None:
    """Two writers at once, each with any of the versions of all rows: the greatest of each stays."""
    _storm(broker, PROCESSED_METRICS.name, lambda label, number: metric(table, label, number), seed)
    pipeline = of_metrics(rows, table, replace(LIMITS, batch_records=20))
    async with at_work(broker, pipeline), at_work(broker, pipeline):
        await drained(broker, pipeline)
    assert rows_of(server, table) == {f"{place:04}": (20, 10.0) for place in range(50)}
    assert letters(broker, PROCESSED_METRICS.name) == []


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_of_duplicate_keys_into_mongodb(
    broker: MemoryBroker, store: MongoStore, database: Mongo, seed: int
) -> None:
    """Two writers at once, each with any of the versions of all documents: the greatest of each stays."""
    _storm(broker, PROCESSED_READINGS.name, reading, seed)
    one, other = (of_readings(store, replace(LIMITS, batch_records=20)) for _ in range(2))
    async with at_work(broker, one), at_work(broker, other):
        await drained(broker, one)
    assert readings_of(database) == {f"{place:04}": 20 for place in range(50)}
    assert letters(broker, PROCESSED_READINGS.name) == []


def _vanish(broker: MemoryBroker, pipeline: Pipeline, consumer: MemoryConsumer) -> None:
    """As a process that is stopped by SIGSTOP: the group goes on without it, and nobody tells it."""
    broker.members[pipeline.group].remove(consumer)


async def _zombie(broker: MemoryBroker, pipeline: Pipeline, more: Callable[[], None]) -> None:
    """A writer falls asleep with its first batch in hand; another takes over and reads all and `more`; then the first
    one wakes up and writes what it held."""
    asleep, awake, woken = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(batch: Batch) -> None:
        asleep.set()
        await awake.wait()
        woken.set()

    async with at_work(broker, pipeline, hold) as first:
        await asleep.wait()
        _vanish(broker, pipeline, first)
        async with at_work(broker, pipeline):
            more()
            await drained(broker, pipeline)
        awake.set()
        await woken.wait()


async def test_a_writer_of_rows_that_wakes_up_late(
    broker: MemoryBroker, rows: MySqlStore, server: MySqlServer, table: WindowTable
) -> None:
    """What it writes after its partitions moved on changes no row."""

    def write(events: int) -> None:
        send(broker, PROCESSED_METRICS.name, *(metric(table, f"{n:04}", events) for n in range(100)), key="label")

    write(1)
    await _zombie(broker, of_metrics(rows, table), lambda: write(2))
    assert rows_of(server, table) == {f"{n:04}": (2, 1.0) for n in range(100)}


async def test_a_writer_of_readings_that_wakes_up_late(
    broker: MemoryBroker, store: MongoStore, database: Mongo
) -> None:
    """What it writes after its partitions moved on changes no document."""

    def write(offset: int) -> None:
        send(broker, PROCESSED_READINGS.name, *(reading(f"{n:04}", offset) for n in range(100)), key="_id")

    write(1)
    await _zombie(broker, of_readings(store), lambda: write(2))
    assert readings_of(database) == {f"{n:04}": 2 for n in range(100)}


async def test_a_writer_of_parts_that_wakes_up_late(broker: MemoryBroker, store: MongoStore, database: Mongo) -> None:
    """What it writes of an older content, after a newer one is complete, is gone when it is done."""
    pipeline = documents_pipeline(store, LIMITS)

    def write(version: int) -> None:
        for topic, parts in (
            (CHUNKS_PROCESSED, chunks("d", version, 5)),
            (EMBEDDINGS_READY, vectors("d", version, 5)),
        ):
            for part in parts:
                broker.append(Outgoing(topic.name, b"d", part.model_dump_json().encode()))

    write(1)
    await _zombie(broker, pipeline, lambda: write(2))
    assert [set(database[name].distinct("version")) for name in ("chunks", "embeddings")] == [{2}, {2}]
    document: dict[str, Any] = database["documents"].find_one() or {}
    assert (document["state"], document["current"]["version"]) == ("complete", 2)
