"""What came out in the stores, read from the stores themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
import pymysql

from compose.local.state import Endpoints
from shared.mysql_address import MySqlAddress
from shared.streams.declaration import Stream


@dataclass(frozen=True)
class Outcome:
    """Documents, chunks, vectors in MongoDB; rows of chunk_counts_1m in MySQL, and the chunks that they count."""

    documents: int
    chunks: int
    vectors: int
    window_rows: int
    window_chunks: int


def read_outcome(endpoints: Endpoints, company: str, document_ids: Sequence[str], since: datetime) -> Outcome:
    """Count what belongs to these documents; windows: all of the company's that begin at `since` (UTC) or later."""
    rows, counted = _windows(endpoints, company, since)
    documents, chunks, vectors = _parts(endpoints, document_ids)
    return Outcome(documents, chunks, vectors, rows, counted)


def _parts(endpoints: Endpoints, document_ids: Sequence[str]) -> tuple[int, int, int]:
    chosen = {"$in": list(document_ids)}
    with pymongo.MongoClient[dict[str, Any]](endpoints.mongodb_url) as client:
        database = client[endpoints.mongodb_database]
        return (
            database["documents"].count_documents({"_id": chosen, "state": "complete"}),
            database["chunks"].count_documents({"document_id": chosen}),
            database["embeddings"].count_documents({"document_id": chosen}),
        )


def connect_mysql(url: str) -> pymysql.Connection[Any]:
    """A connection to the database that a `mysql://user:password@host:port/database` address names."""
    address = MySqlAddress.parse(url)
    return pymysql.connect(**address.login, database=address.database, connect_timeout=5)


def _windows(endpoints: Endpoints, company: str, since: datetime) -> tuple[int, int]:
    query = (
        "SELECT COUNT(*), COALESCE(SUM(chunk_count), 0) FROM chunk_counts_1m "
        "WHERE company_id = %s AND window_start >= %s"
    )
    with connect_mysql(endpoints.mysql_url) as connection, connection.cursor() as cursor:
        cursor.execute(query, (company, since.replace(tzinfo=None, second=0, microsecond=0)))
        rows, counted = cursor.fetchone()
    return int(rows), int(counted)


@dataclass(frozen=True)
class StreamOutcome:
    """By window table: its rows, and the events that they count; clean readings where the stream has some."""

    windows: Mapping[str, tuple[int, int]]
    readings: int | None


def read_stream(endpoints: Endpoints, stream: Stream, since: datetime) -> StreamOutcome:
    """What a stream's stores hold of windows, and of readings, from `since` (UTC) on. A sliding window's events count
    as often as they are in one."""
    start = since.replace(tzinfo=None, second=0, microsecond=0)
    with connect_mysql(endpoints.mysql_url) as connection, connection.cursor() as cursor:
        windows = {}
        for window in stream.windows:
            query = f"SELECT COUNT(*), COALESCE(SUM(`{window.count}`), 0) FROM `{window.table}` WHERE window_end > %s"  # noqa: S608 names from a checked declaration
            cursor.execute(query, (start,))
            rows, counted = cursor.fetchone()
            windows[window.table] = (int(rows), int(counted))
    return StreamOutcome(windows, _readings(endpoints, stream, since))


def _readings(endpoints: Endpoints, stream: Stream, since: datetime) -> int | None:
    if stream.readings is None:
        return None
    with pymongo.MongoClient[dict[str, Any]](endpoints.mongodb_url) as client:
        collection = client[endpoints.mongodb_database][stream.readings.collection]
        return collection.count_documents({"received_at": {"$gte": since.replace(microsecond=0)}})
