"""The only module that knows aiomysql: writing window rows, and the translation of its errors."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomysql
from pymysql import err

from services.db_writer import sql
from services.db_writer.rows import Row
from shared.errors import Code, Fatal, Permanent, Transient
from shared.tables import WindowTable

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
POOL = 16
SESSION = "SET SESSION sql_mode='STRICT_ALL_TABLES', sql_notes=0, time_zone='+00:00', innodb_lock_wait_timeout=10"
ROW_ALIAS_SINCE = (8, 0, 19)
NO_TABLE, PARSE_ERROR, PACKET_TOO_LARGE = 1146, 1064, 1153
REFUSED_VALUES = {1292, 1690, 3819, 4025, PACKET_TOO_LARGE}


class MySqlStore:
    """Window tables in MySQL 8 or MariaDB. Connects at the first use; every call has a deadline."""

    def __init__(self, url: str) -> None:
        """`url` as `mysql://user:password@host:port/database`. Raises Fatal where it isn't one."""
        self._settings = connection_settings(url)
        self._pool: Any = None

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            await self._pool.wait_closed()

    async def ping(self) -> None:
        """Raises Transient unless the server answers."""
        async with self._connection() as connection, connection.cursor() as cursor:
            await cursor.execute("SELECT 1")

    async def create_tables(self, tables: Sequence[WindowTable]) -> None:
        async with self._connection() as connection, connection.cursor() as cursor:
            for table in tables:
                await cursor.execute(sql.create_table(table))

    async def write(self, rows: Sequence[Row]) -> None:
        """One statement per table, one transaction. `rows` are sorted by table and key and hold no key twice.

        Not with `executemany`, which sends a statement per row, without a word, when it doesn't recognise the SQL.
        Raises Transient (nothing or all is written), or Permanent(STORE_REJECTED) when a value is refused.
        """
        async with self._connection() as connection, connection.cursor() as cursor:
            await connection.begin()
            for table, group in groupby(rows, key=lambda row: row.table):
                members = list(group)
                statement = sql.upsert(table, len(members), row_alias=knows_row_alias(connection.get_server_info()))
                await cursor.execute(statement, [value for row in members for value in (*row.values, row.epoch)])
            await connection.commit()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """After any error the connection is closed: what it would answer next is in doubt."""
        with map_mysql_errors():
            async with asyncio.timeout(STATEMENT_SECONDS):
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


def connection_settings(url: str) -> dict[str, Any]:
    """What aiomysql wants to know. Raises Fatal; the message never shows the address, which holds a password."""
    parts = urlsplit(url)
    database = unquote(parts.path.strip("/"))
    if parts.scheme != "mysql" or not parts.hostname or not database:
        raise Fatal("`CAUCE_MYSQL_URL` must look like `mysql://user:password@host:port/database`")
    return {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "db": database,
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "init_command": SESSION,
        "autocommit": True,
    }


def knows_row_alias(server: str) -> bool:
    """`server` is the version as the handshake gives it: `8.4.3`, `11.4.5-MariaDB`, `5.5.5-10.6.12-MariaDB-log`."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", server)
    if found is None or "mariadb" in server.lower():
        return False
    return tuple(map(int, found.groups())) >= ROW_ALIAS_SINCE


async def _pool(settings: dict[str, Any]) -> Any:
    return await aiomysql.create_pool(minsize=0, maxsize=POOL, **settings)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def map_mysql_errors() -> Iterator[None]:
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
        advice = ": run `python -m services.db_writer --init`" if number == NO_TABLE else ""
        raise Transient(f"mysql: {_said(error)}{advice}") from error
    except TimeoutError as error:
        raise Transient(f"mysql: no answer within {STATEMENT_SECONDS} s") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Transient(f"mysql: {error}") from error


def _said(error: err.MySQLError) -> str:
    return " ".join(str(part) for part in error.args)[:500]
