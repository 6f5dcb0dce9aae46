"""One way to write documents so that of each `_id` the newest version stays, whoever writes when, and fast.

    inserts    where the last batch was new: one request, and no look at what is there
    nothing    for a document that is stored to the letter already, as in a replay
    replaces   under guard for the rest: several times as dear, and the only one that may change what is there

A document found stored needs no writing, but its acknowledgement may have been lost with the connection that wrote it,
and until a majority's journals have it, it may yet vanish. So a batch always ends with a write after the look:
MongoDB acknowledges a write, also one that changes nothing, when all before it are as safe as it was asked to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bson
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from services.db_writer.mongo_errors import map_pymongo_errors, only_duplicates

Document = Mapping[str, Any]
Version = tuple[Any, ...]


class NewestStays:
    """A collection whose documents have a version: the values of some fields, the first of them counting most."""

    def __init__(self, collection: Any, fields: tuple[str, ...]) -> None:
        """`collection` is motor's."""
        self._collection = collection
        self._fields = fields
        self._known = False

    async def write(self, documents: Sequence[Document]) -> int:
        """Documents of the same or an older version are replaced, newer ones stay; returns how many stayed.

        No `_id` may be there twice. Raises Transient, or Permanent(STORE_REJECTED) where a document is refused; some
        of the others may be written then.
        """
        if not documents:
            return 0
        with map_pymongo_errors():
            there = documents if self._known else await self._insert(documents)
            added, superseded = await self._replace(await self._differing(there))
        self._known = 2 * (len(there) - added) > len(documents)
        return superseded

    async def _insert(self, documents: Sequence[Document]) -> list[Document]:
        """Returns those whose id was there."""
        try:
            await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _met_duplicates(error, documents)
        return []

    async def _differing(self, documents: Sequence[Document]) -> list[Document]:
        """Those that aren't stored to the letter; the last one in any case, for the sake of its acknowledgement."""
        if not documents:
            return []
        stored = await self._stored(documents)
        *others, last = documents
        return [*(document for document in others if bson.encode(document) not in stored), last]

    async def _stored(self, documents: Sequence[Document]) -> set[bytes]:
        """In one answer: with a `batch_size` of all there may be, the server would expect to be asked for more."""
        query = {"_id": {"$in": [document["_id"] for document in documents]}}
        batches = await self._collection.find_raw_batches(query, batch_size=len(documents) + 1).to_list(None)
        return {found for batch in batches for found in _split(batch)}

    async def _replace(self, documents: list[Document]) -> tuple[int, int]:
        """How many were added, and how many left out for newer ones.

        A duplicate key means that a newer one is there, or that two writers added one at once: the latter is tried
        again, else the newer of the two could be the one that lost.
        """
        added, superseded, waiting = 0, 0, documents
        while waiting:
            upserted, refused = await self._upsert(waiting)
            stored = await self._versions(refused)
            waiting = [document for document in refused if self._may_replace(document, stored)]
            added, superseded = added + upserted, superseded + len(refused) - len(waiting)
        return added, superseded

    async def _upsert(self, documents: Sequence[Document]) -> tuple[int, list[Document]]:
        """How many were added, and those that met a duplicate key."""
        try:
            done = await self._collection.bulk_write([self._guarded(one) for one in documents], ordered=False)
        except BulkWriteError as error:
            return error.details["nUpserted"], _met_duplicates(error, documents)
        return done.upserted_count, []

    def _guarded(self, document: Document) -> Any:
        """Matches the same or an older version; where a newer one is there, the upsert meets a duplicate key."""
        steps = []
        for place, name in enumerate(self._fields):
            least = "$lte" if name == self._fields[-1] else "$lt"
            steps.append({**{equal: document[equal] for equal in self._fields[:place]}, name: {least: document[name]}})
        return ReplaceOne({"_id": document["_id"], "$or": steps}, document, upsert=True)

    async def _versions(self, documents: Sequence[Document]) -> dict[Any, Version]:
        if not documents:
            return {}
        query = {"_id": {"$in": [document["_id"] for document in documents]}}
        found = await self._collection.find(query, self._fields).to_list(None)
        return {row["_id"]: self._version(row) for row in found}

    def _may_replace(self, document: Document, stored: Mapping[Any, Version]) -> bool:
        known = stored.get(document["_id"])
        return known is None or known <= self._version(document)

    def _version(self, document: Document) -> Version:
        return tuple(document[name] for name in self._fields)


def _met_duplicates(error: BulkWriteError, documents: Sequence[Document]) -> list[Document]:
    """Raises the error where it is another."""
    if not only_duplicates(error):
        raise error
    return [documents[item["index"]] for item in error.details["writeErrors"]]


def _split(batch: bytes) -> Iterator[bytes]:
    """Each document begins with its length."""
    start = 0
    while start < len(batch):
        end = start + int.from_bytes(batch[start : start + 4], "little")
        yield batch[start:end]
        start = end
