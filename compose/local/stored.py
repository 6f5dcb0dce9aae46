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
from shared.contracts.topics import StoredLog
from shared.documents import FINAL
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
        yield from self._found(collection, {})

    def logs(self) -> dict[str, StoredLog]:
        """What MongoDB says of the topics that its contents came from, by topic. Raises LocalStackError."""
        rows = self._found("logs", {})
        return {row["_id"]: StoredLog.model_validate({**row, "topic": row["_id"]}) for row in rows}

    def unfinished_documents(self) -> Iterator[Mapping[str, Any]]:
        """Those whose newest version has come to no end yet. Raises LocalStackError."""
        yield from self._found("documents", {"state": {"$nin": [state.value for state in FINAL]}}, tz_aware=True)

    def versions(self) -> dict[str, int]:
        """The newest version of every document, by its id. Raises LocalStackError."""
        return {row["_id"]: row["version"] for row in self._found("documents", {}, {"version": 1})}

    def _found(
        self,
        collection: str,
        query: Mapping[str, Any],
        fields: Mapping[str, int] | None = None,
        *,
        tz_aware: bool = False,
    ) -> Iterator[Mapping[str, Any]]:
        try:
            with pymongo.MongoClient[dict[str, Any]](
                self.mongodb_url, serverSelectionTimeoutMS=5_000, tz_aware=tz_aware
            ) as client:
                yield from client[self.mongodb_database][collection].find(query, fields, batch_size=5_000)
        except PyMongoError as error:
            raise LocalStackError(f"MongoDB: {str(error).split(', Timeout:')[0]}") from error
