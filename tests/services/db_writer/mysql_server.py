"""A plain client to look at what the store under test did, and to hold locks against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pymysql

from shared.mysql_address import MySqlAddress


class MySqlServer:
    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, url: str) -> Iterator[MySqlServer]:
        address = MySqlAddress.parse(url)
        with closing(
            pymysql.connect(**address.login, database=address.database, charset="utf8mb4", autocommit=True)
        ) as connection:
            yield cls(connection)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
