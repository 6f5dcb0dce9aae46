"""The only module that knows aiomysql: window rows and their epochs in MySQL, and the translation of its errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import aiomysql
from pymysql import err

from services.db_writer import schema, sql
from services.db_writer.dialect import knows_row_alias, text_collation
from services.db_writer.epochs import Cut, living
from services.db_writer.literals import row_text
from services.db_writer.rows import Row
from shared.errors import Code, Permanent, Transient
from shared.mysql_address import MySqlAddress
from shared.tables import WindowTable

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
SCHEMA_SECONDS = 600
POOL = 16
DELETED_AT_ONCE = 2_000
PACKET_HEAD = 64
"""Bytes to spare for what surrounds a statement in its packet."""
IDLE_SECONDS = 30
"""A writer that stands still within a transaction holds its locks, also against its successor, until the server ends
the connection; by itself a server waits for eight hours."""
SESSION = (
    f"SET SESSION wait_timeout={IDLE_SECONDS}, sql_mode='STRICT_ALL_TABLES', sql_notes=0, time_zone='+00:00', "
    "innodb_lock_wait_timeout=10, lock_wait_timeout=10"
)
NO_COLUMN, PARSE_ERROR, NO_TABLE, PACKET_TOO_LARGE = 1054, 1064, 1146, 1153
REFUSED_VALUES = {1292, 1690, 3819, 4025, PACKET_TOO_LARGE}


class MySqlStore:
    """Window tables in MySQL 8 or MariaDB. Connects at the first use; every call has a deadline."""

    def __init__(self, url: str) -> None:
        """`url` as `mysql://user:password@host:port/database`. Raises Fatal where it isn't one."""
        self._settings = _settings(url)
        self._pool: Any = None

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            await self._pool.wait_closed()

    async def ping(self) -> None:
        """Raises Transient unless the server answers."""
        async with self._connection() as connection, connection.cursor() as cursor:
            await cursor.execute("SELECT 1")

    async def apply_schema(self, tables: Sequence[WindowTable]) -> None:
        """Makes the database what is declared; one at a time, whoever else does the same.

        Raises Fatal where something must not change.
        """
        async with self._connection(SCHEMA_SECONDS) as connection, connection.cursor() as cursor:
            await cursor.execute("SELECT GET_LOCK(CONCAT('cauce:', MD5(DATABASE())), 10)")
            if await cursor.fetchone() != (1,):
                raise Transient("mysql: somebody else is changing the schema")
            await schema.apply(cursor, tables, text_collation(connection.get_server_info()))
            await cursor.execute("SELECT RELEASE_LOCK(CONCAT('cauce:', MD5(DATABASE())))")

    async def write(self, rows: Sequence[Row]) -> int:
        """One statement per table, one transaction; returns how many rows were left out since their epoch is over.

        `rows` are sorted by table and key and hold no key twice. The epochs are read in the same transaction, which
        holds them: a writer that slept through a reset can't bring old rows back.

        Not with `executemany`, which sends a statement per row, without a word, when it doesn't recognise the SQL.
        Raises Transient (nothing or all is written), or Permanent(STORE_REJECTED) when a value is refused.
        """
        if not rows:
            return 0
        async with self._connection() as connection, connection.cursor() as cursor:
            await connection.begin()
            longest = await _longest_statement(cursor)
            kept = living(rows, await self._cuts(cursor, sorted({row.table.name for row in rows})))
            for table, group in groupby(kept, key=lambda row: row.table):
                texts = [row_text(row) for row in group]
                for statement in _statements(table, texts, longest, row_alias=_row_alias(connection)):
                    await cursor.execute(statement)
            await connection.commit()
        return len(rows) - len(kept)

    async def _cuts(self, cursor: Any, tables: Sequence[str]) -> list[Cut]:
        await cursor.execute(sql.shared_epochs(len(tables)), tables)
        return [Cut(*found) for found in await cursor.fetchall()]

    async def truncate(self, table: WindowTable, cut: Cut) -> int:
        """Records the epoch, then deletes what it ends, a little at a time; returns how many rows.

        The record comes first and waits for writers under way: those after it leave out what would be deleted.
        """
        async with self._connection() as connection, connection.cursor() as cursor:
            await connection.begin()
            await cursor.execute(sql.LOCK_EPOCHS, [table.name])
            await cursor.execute(sql.begin_epoch(row_alias=_row_alias(connection)), cut)
            await connection.commit()
        deleted, start = 0, cut.since or sql.FAR_PAST
        while (start := await self._oldest_outdated(table, cut.epoch, start)) is not None:
            async with self._connection() as connection, connection.cursor() as cursor:
                await cursor.execute(sql.delete_outdated(table), [cut.epoch, start, DELETED_AT_ONCE])
                deleted += cursor.rowcount
        return deleted

    async def greatest_epochs(self, tables: Sequence[WindowTable]) -> dict[str, int]:
        """By table: the greatest epoch that its rows or its cuts are known to have; 0 where there is neither. Raises
        Transient."""
        found: dict[str, int] = {}
        async with self._connection() as connection, connection.cursor() as cursor:
            for table in tables:
                await cursor.execute(sql.greatest_epoch(table), [table.name])
                (found[table.name],) = await cursor.fetchone()
        return found

    async def bookmarks(self, group: str) -> list[tuple[str, int, str, int, datetime]]:
        """Topic, number, topic's id, offset, and when it was saved (UTC). Raises Transient."""
        async with self._connection() as connection, connection.cursor() as cursor:
            await cursor.execute(sql.BOOKMARKS, [group])
            return list(await cursor.fetchall())

    async def execute(self, statements: Sequence[tuple[str, Sequence[object]]]) -> int:
        """In one transaction; returns how many rows they have changed. Raises Transient."""
        changed = 0
        async with self._connection() as connection, connection.cursor() as cursor:
            await connection.begin()
            for statement, parameters in statements:
                await cursor.execute(statement, parameters)
                changed += cursor.rowcount
            await connection.commit()
        return changed

    async def is_empty(self, tables: Sequence[WindowTable]) -> bool:
        """Raises Transient."""
        async with self._connection() as connection, connection.cursor() as cursor:
            for table in tables:
                await cursor.execute(sql.any_row(table))
                if await cursor.fetchone():
                    return False
        return True

    async def _oldest_outdated(self, table: WindowTable, epoch: int, start: Any) -> Any:
        async with self._connection() as connection, connection.cursor() as cursor:
            await cursor.execute(sql.oldest_outdated(table), [epoch, start])
            found = await cursor.fetchone()
        return found and found[0]

    @contextlib.asynccontextmanager
    async def _connection(self, seconds: float = STATEMENT_SECONDS) -> AsyncIterator[Any]:
        """For so long. After any error the connection is closed: what it would answer next is in doubt."""
        with map_mysql_errors(seconds):
            async with asyncio.timeout(seconds):
                if self._pool is None:
                    self._pool = await _pool(self._settings)
                connection = await self._pool.acquire()
                try:
                    yield connection
                except BaseException:
                    connection.close()
                    raise
                finally:
                    await self._pool.release(connection)


def _settings(url: str) -> dict[str, Any]:
    """What aiomysql wants to know. Raises Fatal."""
    address = MySqlAddress.parse(url)
    return {
        **address.login,
        "db": address.database,
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "init_command": SESSION,
        "autocommit": True,
    }


async def _longest_statement(cursor: Any) -> int:
    await cursor.execute(sql.LONGEST_STATEMENT)
    (longest,) = await cursor.fetchone()
    return int(longest)


def _statements(table: WindowTable, texts: Sequence[str], longest: int, *, row_alias: bool) -> Iterator[bytes]:
    """One, unless it would be longer than the server takes: it would end the connection, often before its reason
    arrives, which looks like an outage for as long as it is tried. Raises Permanent(STORE_REJECTED) for a single row.
    """
    statement = sql.upsert(table, texts, row_alias=row_alias).encode()
    if len(statement) < longest - PACKET_HEAD:
        yield statement
        return
    if len(texts) == 1:
        said = f"a statement of {len(statement):,} bytes for one row exceeds `max_allowed_packet` ({longest:,})"
        raise Permanent(Code.STORE_REJECTED, f"mysql can't take the row: {said}")
    middle = len(texts) // 2
    for half in (texts[:middle], texts[middle:]):
        yield from _statements(table, half, longest, row_alias=row_alias)


def _row_alias(connection: Any) -> bool:
    return knows_row_alias(connection.get_server_info())


async def _pool(settings: dict[str, Any]) -> Any:
    return await aiomysql.create_pool(minsize=0, maxsize=POOL, pool_recycle=IDLE_SECONDS // 2, **settings)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def map_mysql_errors(seconds: float = STATEMENT_SECONDS) -> Iterator[None]:
    """pymysql's errors as ours. Only a refused value is the record's fault; a statement that doesn't parse is a bug.

    Everything else is an outage, of the server or of its configuration: away, read-only, full, too many connections,
    deadlock (1213), lock wait (1205), a wrong password, a missing table.
    """
    try:
        yield
    except (err.DataError, err.IntegrityError) as error:
        raise Permanent(Code.STORE_REJECTED, f"mysql refuses the row: {_said(error)}") from error
    except err.MySQLError as error:
        number = error.args[0] if error.args else None
        if number in REFUSED_VALUES:
            raise Permanent(Code.STORE_REJECTED, f"mysql refuses the row: {_said(error)}") from error
        if number == PARSE_ERROR:
            raise
        advice = ": run `python -m services.db_writer --init`" if number in (NO_TABLE, NO_COLUMN) else ""
        raise Transient(f"mysql: {_said(error)}{advice}") from error
    except TimeoutError as error:
        raise Transient(f"mysql: no answer within {seconds:g} s") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Transient(f"mysql: {error}") from error


def _said(error: err.MySQLError) -> str:
    return " ".join(str(part) for part in error.args)[:500]
