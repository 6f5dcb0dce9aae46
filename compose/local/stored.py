"""Window rows and clean readings as the stores hold them, read and never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pymongo
import pymysql
from pymongo.errors import PyMongoError
from pymysql.cursors import SSCursor

from compose.local.errors import LocalStackError
from compose.local.outcome import connect_mysql
from shared.tables import WindowTable

NO_TABLE = 1146


@dataclass(frozen=True)
class Stores:
    """Addresses; both may hold passwords."""

    mysql_url: str
    mongodb_url: str
    mongodb_database: str

    def rows(self, table: WindowTable) -> Iterator[tuple[Any, ...]]:
        """In the order of the table's columns, one after the other, since there may be many. Raises LocalStackError."""
        columns = ", ".join(f"`{column.name}`" for column in table.columns)
        try:
            with closing(connect_mysql(self.mysql_url)) as connection, connection.cursor(SSCursor) as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
                cursor.execute(f"SELECT {columns} FROM `{table.name}`")  # noqa: S608 names come from declarations
                while row := cursor.fetchone():
                    yield row
        except pymysql.MySQLError as error:
            advice = "create it: python -m services.db_writer --init" if error.args[0] == NO_TABLE else ""
            raise LocalStackError(f"MySQL: {error.args[-1]}", advice=advice) from error

    def readings(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """Documents. Raises LocalStackError."""
        try:
            with pymongo.MongoClient[dict[str, Any]](self.mongodb_url, serverSelectionTimeoutMS=5_000) as client:
                yield from client[self.mongodb_database][collection].find(batch_size=5_000)
        except PyMongoError as error:
            raise LocalStackError(f"MongoDB: {str(error).split(', Timeout:')[0]}") from error
