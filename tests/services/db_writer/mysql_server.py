"""A plain client to look at what the store under test did, and to hold locks against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pymysql

from services.db_writer.mysql import connection_settings


class MySqlServer:
    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, url: str) -> Iterator[MySqlServer]:
        known = connection_settings(url)
        settings = {name: known[name] for name in ("host", "port", "user", "password", "charset", "autocommit")}
        with closing(pymysql.connect(database=known["db"], **settings)) as connection:
            yield cls(connection)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
