"""The loop that a careful person writes by hand for one kind of rows: large batches, one statement each, the version
guarded in the statement, MongoDB's writes as safe as Cauce's, the offset committed when all of a fetch is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import aiomysql
from aiokafka import AIOKafkaConsumer
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from benchmarks.sinks_work import COLLECTION, COLUMNS, DATABASE, KINDS, TABLE, Place, place
from services.db_writer.settings import DbWriterSettings
from shared.mysql_address import MySqlAddress

Rows = Sequence[dict[str, Any]]
Write = Callable[[Rows], Awaitable[None]]
DUPLICATE_KEY = 11000


async def run(where: Place) -> None:
    defaults = DbWriterSettings()
    size = defaults.metrics_batch_records if where.kind == "metrics" else defaults.write_batch_records
    write = await (into_mysql(where) if where.kind == "metrics" else into_mongodb(where))
    consumer = AIOKafkaConsumer(
        KINDS[where.kind].topic.name,
        bootstrap_servers=where.servers,
        group_id=where.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    async with consumer:
        while True:
            fetched = await consumer.getmany(timeout_ms=500, max_records=4 * size * where.at_once)
            rows = [json.loads(record.value or b"") for records in fetched.values() for record in records]
            await write_all(write, [rows[start : start + size] for start in range(0, len(rows), size)], where.at_once)
            if fetched:
                await consumer.commit({at: records[-1].offset + 1 for at, records in fetched.items()})


async def write_all(write: Write, batches: Sequence[Rows], at_once: int) -> None:
    gate = asyncio.Semaphore(at_once)

    async def one(batch: Rows) -> None:
        async with gate:
            await write(batch)

    await asyncio.gather(*(one(batch) for batch in batches))


# ---- MariaDB ---------------------------------------------------------------------------------------------------------


async def into_mysql(where: Place) -> Write:
    """In the one form that aiomysql's `executemany` turns into one statement."""
    address = MySqlAddress.parse(where.mysql_url)
    pool: Any = await aiomysql.create_pool(  # type: ignore[no-untyped-call]
        minsize=1, maxsize=where.at_once, db=address.database, charset="utf8mb4", autocommit=False, **address.login
    )
    statement = (
        f"INSERT INTO {TABLE} ({', '.join(f'`{name}`' for name in COLUMNS)}) "
        f"VALUES ({', '.join(['%s'] * len(COLUMNS))}) ON DUPLICATE KEY UPDATE {assignments()}"
    )

    async def write(rows: Rows) -> None:
        values = sorted(map(row_of, rows))
        async with pool.acquire() as connection, connection.cursor() as cursor:
            cursor.max_stmt_length = 16 * 1024 * 1024
            await cursor.executemany(statement, values)
            await connection.commit()

    return write


def row_of(row: dict[str, Any]) -> tuple[Any, ...]:
    start, end = row["window_start"][:-1], row["window_end"][:-1]
    return (start, end, *(row[name] for name in COLUMNS[2:]))


def assignments() -> str:
    wins = "VALUES(_epoch) > _epoch OR VALUES(_epoch) = _epoch AND VALUES(`count`) >= `count`"
    guarded = [f"`{name}` = IF({wins}, VALUES(`{name}`), `{name}`)" for name in ("mean", "lowest", "highest", "count")]
    return ", ".join([*guarded, "_epoch = GREATEST(VALUES(_epoch), _epoch)"])


# ---- MongoDB ---------------------------------------------------------------------------------------------------------


async def into_mongodb(where: Place) -> Write:
    """Inserts first and replaces what was there; where all is known to be there, replaces at once: each at its best."""
    client: Any = AsyncIOMotorClient(where.mongodb_url, w="majority", journal=True, tz_aware=True)
    collection = client[DATABASE][COLLECTION if where.kind == "readings" else where.kind]
    shape, guard = (document, not_newer) if where.kind == "readings" else (chunk, no_newer_chunk)

    async def replace(documents: Rows) -> None:
        try:
            await collection.bulk_write([ReplaceOne(guard(one), one, upsert=True) for one in documents], ordered=False)
        except BulkWriteError as error:
            duplicates(error)

    async def write(rows: Rows) -> None:
        documents = [shape(row) for row in rows]
        if where.known:
            return await replace(documents)
        try:
            await collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            await replace([documents[place] for place in duplicates(error)])

    return write


def duplicates(error: BulkWriteError) -> list[int]:
    if any(item["code"] != DUPLICATE_KEY for item in error.details["writeErrors"]):
        raise error
    return [item["index"] for item in error.details["writeErrors"]]


def document(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "_id": row["_id"],
        **{name: value for name, value in row.items() if not name.startswith("_")},
        "event_time": datetime.fromisoformat(row["_event_time"]),
        "received_at": datetime.fromisoformat(row["_received_at"]),
        "position": row["_position"],
        "_offset": row["_offset"],
    }


def not_newer(one: dict[str, Any]) -> dict[str, Any]:
    same = {"event_time": one["event_time"], "_offset": {"$lte": one["_offset"]}}
    return {"_id": one["_id"], "$or": [{"event_time": {"$lt": one["event_time"]}}, same]}


def chunk(row: dict[str, Any]) -> dict[str, Any]:
    received = datetime.fromisoformat(row["received_at"])
    return {"_id": row.pop("chunk_id"), **row, "received_at": received}


def no_newer_chunk(one: dict[str, Any]) -> dict[str, Any]:
    return {"_id": one["_id"], "version": {"$lte": one["version"]}}


if __name__ == "__main__":
    asyncio.run(run(place()))
