"""The gateway's only module that knows aiomysql: reading window rows, and the translation of its errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import aiomysql
from pymysql import err

from services.api_gateway import window_sql
from services.api_gateway.window_store import Row, RowsWanted, TopWanted, Value
from shared.errors import Transient
from shared.mysql_address import MySqlAddress
from shared.tables import WindowTable

CONNECT_SECONDS, ANSWER_SECONDS = 2, 5
POOL = 8
SESSION = "SET SESSION TRANSACTION READ ONLY"
PARSE_ERROR = 1064


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """A read has nothing in it that could be at fault: whatever goes wrong is an outage, but for our own SQL."""
    try:
        yield
    except err.MySQLError as error:
        if error.args and error.args[0] == PARSE_ERROR:
            raise
        raise Transient(f"mysql: {' '.join(map(str, error.args))[:500]}") from error
    except TimeoutError as error:
        raise Transient(f"mysql: no answer within {ANSWER_SECONDS} s") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Transient(f"mysql: {error}") from error


class MySqlWindows:
    """Implements `window_store.WindowStore`. Connects at the first question."""

    def __init__(self, url: str) -> None:
        """`url` as `mysql://user:password@host:port/database`. Raises Fatal where it isn't one."""
        self._settings = _settings(url)
        self._pool: Any = None

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            await self._pool.wait_closed()

    async def ping(self) -> None:
        await self._ask("SELECT 1", [])

    async def rows(self, wanted: RowsWanted) -> Sequence[Row]:
        return _named(window_sql.names(wanted.table), await self._ask(*window_sql.rows(wanted)))

    async def top(self, wanted: TopWanted) -> Sequence[Row]:
        columns = [*window_sql.names(wanted.table), wanted.top.rank]
        return _named(columns, await self._ask(*window_sql.top(wanted)))

    async def latest(self, table: WindowTable) -> datetime | None:
        [[start]] = await self._ask(*window_sql.latest(table))
        found: datetime | None = _value(start)
        return found

    async def _ask(self, statement: str, values: Sequence[Value]) -> list[Sequence[Any]]:
        async with self._connection() as connection, connection.cursor() as cursor:
            await cursor.execute(statement, [_parameter(value) for value in values])
            return list(await cursor.fetchall())

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """After any error the connection is closed: what it would answer next is in doubt."""
        with _translated():
            async with asyncio.timeout(ANSWER_SECONDS):
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


async def _pool(settings: dict[str, Any]) -> Any:
    return await aiomysql.create_pool(minsize=0, maxsize=POOL, **settings)  # type: ignore[no-untyped-call]


def _parameter(value: Value) -> Value:
    """A DATETIME has no zone: those of window tables are in UTC."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _value(found: Any) -> Any:
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else found


def _named(columns: Sequence[str], found: Sequence[Sequence[Any]]) -> list[Row]:
    return [dict(zip(columns, map(_value, row), strict=True)) for row in found]
