"""Vectors that were paid for, on this service's own disk. A miss only costs money: nothing here fails a record."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

log = structlog.get_logger()

T = TypeVar("T")
FILE = "vectors.sqlite"
SCHEMA = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA journal_size_limit = 16777216",
    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, used INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS by_use ON vectors (used)",
)
CHECKSUM_BYTES = 8
BUSY_SECONDS = 1.0
ANSWER_SECONDS = 5.0
REST_SECONDS = 60.0
ASKED_AT_ONCE = 500
DAY = 86_400
EVICTED_AT_ONCE = 0.02


class VectorCache:
    """By the hash of whatever made the vector. Several processes of one machine may share the folder.

    The least recently used rows go when there are more than `most_bytes`. What the disk can't do is logged, and not
    asked of it again for a minute.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._path = folder / FILE
        self._most_bytes = most_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cache")
        self._connection: sqlite3.Connection | None = None
        self._rests_until: dict[str, float] = {}

    async def find(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """The vectors that are there, as they were put."""
        return await self._safely("find", lambda connection: self._find(connection, keys), {})

    async def put(self, vectors: Mapping[bytes, bytes]) -> None:
        await self._safely("put", lambda connection: self._put(connection, vectors), None)

    async def close(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(self._thread.submit(self._close)), ANSWER_SECONDS)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _safely(self, what: str, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """In the one thread that has the connection, so that a slow disk holds nobody else up."""
        if time.monotonic() < self._rests_until.get(what, 0.0):
            return otherwise
        try:
            doing = asyncio.wrap_future(self._thread.submit(self._work, work))
            return await asyncio.wait_for(doing, ANSWER_SECONDS)
        except (sqlite3.Error, OSError) as error:
            self._rests_until[what] = time.monotonic() + REST_SECONDS
            why = str(error) or type(error).__name__
            log.warning("the cache of vectors rests", path=str(self._path), asked_to=what, error=why)
            return otherwise

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = self._open()
            with self._connection:
                return work(self._connection)
        except sqlite3.Error as error:
            self._close()
            if _is(error, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                self._remove()
            raise

    @retry(
        retry=retry_if_exception(lambda error: _is(error, sqlite3.SQLITE_BUSY)),
        wait=wait_random(0.005, 0.02),
        stop=stop_after_delay(BUSY_SECONDS),
        reraise=True,
    )
    def _open(self) -> sqlite3.Connection:
        """Another process that opens a new file at the same time makes SQLite refuse to change its journal at once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        try:
            for statement in SCHEMA:
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _remove(self) -> None:
        log.warning("the cache of vectors was damaged and begins anew", path=str(self._path))
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(FILE + suffix).unlink(missing_ok=True)

    def _find(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        today = int(time.time()) // DAY
        found: dict[bytes, bytes] = {}
        stale: list[bytes] = []
        for start in range(0, len(keys), ASKED_AT_ONCE):
            some = keys[start : start + ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT key, vector, used FROM vectors WHERE key IN ({marks})"  # noqa: S608 only question marks
            for key, value, used in connection.execute(query, some):
                vector = _unsealed(key, value)
                if vector is not None:
                    found[key] = vector
                    stale += [key] if used < today else []
        if stale:
            connection.executemany("UPDATE vectors SET used = ? WHERE key = ?", [(today, key) for key in stale])
        return found

    def _put(self, connection: sqlite3.Connection, vectors: Mapping[bytes, bytes]) -> None:
        today = int(time.time()) // DAY
        rows = [(key, _sealed(key, vector), today) for key, vector in vectors.items()]
        connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
        if _bytes_used(connection) > self._most_bytes:
            rows_in_all = connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
            oldest = "SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?"
            evicted = max(1, int(rows_in_all * EVICTED_AT_ONCE))
            connection.execute(f"DELETE FROM vectors WHERE rowid IN ({oldest})", (evicted,))  # noqa: S608 a constant


def _bytes_used(connection: sqlite3.Connection) -> int:
    """Of the file, without the pages that are free to be used again."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _sealed(key: bytes, vector: bytes) -> bytes:
    return hashlib.blake2b(vector, key=key, digest_size=CHECKSUM_BYTES).digest() + vector


def _unsealed(key: bytes, value: bytes) -> bytes | None:
    """None where the disk gave back something else than it was given."""
    vector = value[CHECKSUM_BYTES:] if isinstance(value, bytes) else b""
    return vector if value == _sealed(key, vector) else None


def _is(error: BaseException, *codes: int) -> bool:
    return getattr(error, "sqlite_errorcode", None) in codes
