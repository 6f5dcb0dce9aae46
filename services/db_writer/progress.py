"""How far each of db_writer's groups has put its topics into a store, kept in that store: a backup of it has both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC
from typing import Any

from pymongo import UpdateOne

from services.db_writer import sql
from services.db_writer.mongo_errors import map_pymongo_errors
from services.db_writer.mysql import MySqlStore
from services.db_writer.rows import naive
from shared.kafka.progress import Bookmark, Bookmarks
from shared.kafka.records import Partition
from shared.tables import WindowTable

PROGRESS = "progress"


class MongoProgress:
    """In the collection `progress`. Implements `shared.kafka.progress.Progress`."""

    def __init__(self, database: Any, group: str, collections: Collection[str]) -> None:
        """`database` is motor's; the group's records end in `collections`."""
        self._database = database
        self._bookmarks = database[PROGRESS]
        self._group = group
        self._collections = collections

    async def load(self) -> Bookmarks | None:
        with map_pymongo_errors():
            rows = await self._bookmarks.find({"group": self._group}).to_list(None)
            if not rows and not await self._is_empty():
                return None
        return {Partition(row["topic"], row["partition"]): _bookmark(row) for row in rows}

    async def _is_empty(self) -> bool:
        for name in self._collections:
            if await self._database[name].find_one({}, ["_id"]):
                return False
        return True

    async def save(self, bookmarks: Bookmarks, instead_of: Bookmarks) -> bool:
        writes = [self._write(partition, mark, instead_of.get(partition)) for partition, mark in bookmarks.items()]
        with map_pymongo_errors():
            done = await self._bookmarks.bulk_write(writes, ordered=False)
        return bool(done.modified_count + done.upserted_count == len(writes))

    def _write(self, partition: Partition, mark: Bookmark, before: Bookmark | None) -> UpdateOne:
        place = {"group": self._group, "topic": partition.topic, "partition": partition.number}
        key = f"{self._group}/{partition.topic}/{partition.number}"
        values = {"topic_id": mark.topic_id, "offset": mark.offset, "saved_at": mark.saved_at}
        if before is None:
            return UpdateOne({"_id": key}, {"$setOnInsert": {**place, **values}}, upsert=True)
        return UpdateOne({"_id": key, "topic_id": before.topic_id, "offset": before.offset}, {"$set": values})


def _bookmark(row: Any) -> Bookmark:
    return Bookmark(row["offset"], row["topic_id"], row["saved_at"])


class MySqlProgress:
    """In the table `cauce_progress`. Implements `shared.kafka.progress.Progress`."""

    def __init__(self, store: MySqlStore, group: str, tables: Sequence[WindowTable]) -> None:
        """The group's records end in `tables`."""
        self._store = store
        self._group = group
        self._tables = tables

    async def load(self) -> Bookmarks | None:
        rows = await self._store.bookmarks(self._group)
        if not rows and not await self._store.is_empty(self._tables):
            return None
        return {
            Partition(topic, number): Bookmark(offset, topic_id, saved_at.replace(tzinfo=UTC))
            for topic, number, topic_id, offset, saved_at in rows
        }

    async def save(self, bookmarks: Bookmarks, instead_of: Bookmarks) -> bool:
        statements = list(self._statements(bookmarks, instead_of))
        return await self._store.execute(statements) == len(statements)

    def _statements(self, bookmarks: Bookmarks, instead_of: Bookmarks) -> Iterator[tuple[str, list[object]]]:
        for partition, mark in bookmarks.items():
            values = [mark.topic_id, mark.offset, naive(mark.saved_at), self._group, partition.topic, partition.number]
            before = instead_of.get(partition)
            if before is None:
                yield sql.FIRST_BOOKMARK, values
            else:
                yield sql.NEXT_BOOKMARK, [*values, before.topic_id, before.offset]
