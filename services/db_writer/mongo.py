"""The only module that knows motor: documents and their parts in MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bson.binary import VECTOR_SUBTYPE, Binary, BinaryVectorDtype
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DESCENDING, DeleteMany, IndexModel, ReplaceOne
from pymongo.errors import BulkWriteError, InvalidURI

from services.db_writer.models_in_use import ModelInUse
from services.db_writer.mongo_errors import map_pymongo_errors, only_duplicates
from services.db_writer.newest import NewestStays
from services.db_writer.parts import Standing, Tally, Version
from services.db_writer.statuses import Stored
from shared.contracts.chunks import ChunkProcessed, EmbeddingReady, Part
from shared.contracts.costs import EmbeddingCost
from shared.documents import Document
from shared.errors import Fatal

SELECT_MS, ANSWER_MS = 5_000, 30_000
_FLOAT32 = BinaryVectorDtype.FLOAT32.value + b"\x00"

_VERSION = IndexModel([("document_id", ASCENDING), ("version", ASCENDING)])
_NEWEST_FIRST = [("received_at", DESCENDING), ("_id", DESCENDING)]
INDEXES = {
    "chunks": [
        _VERSION,
        IndexModel([("document_id", ASCENDING), ("content_sha256", ASCENDING), ("chunk_index", ASCENDING)]),
    ],
    "embeddings": [_VERSION],
    "documents": [
        IndexModel([("company_id", ASCENDING), *_NEWEST_FIRST]),
        IndexModel([("company_id", ASCENDING), ("state", ASCENDING), *_NEWEST_FIRST]),
        IndexModel([("s3_path", ASCENDING)]),
        IndexModel([("held.s3_path", ASCENDING)]),
    ],
}

_COSTS = {
    "priced": {"$sum": {"$cond": [{"$gt": ["$cost", None]}, 1, 0]}},
    **{name: {"$sum": f"$cost.{name}"} for name in EmbeddingCost.model_fields},
}
"""Added up on the server; `priced` are the rows that say what they cost."""

Row = Mapping[str, Any]


class MongoStore:
    """`documents`, `chunks`, `embeddings`. Connects at the first use; writes wait for the journals of a majority.

    Every call raises Transient where the server doesn't answer in time, and Permanent(STORE_REJECTED) where it, or
    BSON, refuses a value.
    """

    def __init__(self, url: str, database: str) -> None:
        """Raises Fatal where `url` isn't one."""
        try:
            self._client: Any = AsyncIOMotorClient(
                url,
                appname="cauce-db_writer",
                tz_aware=True,
                w="majority",
                journal=True,
                serverSelectionTimeoutMS=SELECT_MS,
                connectTimeoutMS=SELECT_MS,
                socketTimeoutMS=ANSWER_MS,
                wTimeoutMS=ANSWER_MS,
            )
        except InvalidURI as error:
            raise Fatal(f"`CAUCE_MONGODB_URL` can't be used: {error}") from None
        self._database = self._client[database]
        self._chunks = NewestStays(self._database["chunks"], ("version",))
        self._embeddings = NewestStays(self._database["embeddings"], ("version",))
        self._model = ModelInUse(self._database, "embeddings")

    async def close(self) -> None:
        """Says goodbye to the server, which takes a while when it doesn't answer: in a thread, off the event loop."""
        await asyncio.to_thread(self._client.close)

    async def ping(self) -> None:
        with map_pymongo_errors():
            await self._client.admin.command("ping")

    @property
    def database(self) -> Any:
        """motor's, for those who write other collections over the same connections."""
        return self._database

    async def create_indexes(self, others: Mapping[str, Sequence[IndexModel]]) -> None:
        """Of the documents, and of other collections. Raises Fatal where one of that name exists with other fields."""
        with map_pymongo_errors():
            for collection, indexes in (*INDEXES.items(), *others.items()):
                await self._database[collection].create_indexes(list(indexes))

    # ---- parts ---------------------------------------------------------------------------------------------------

    async def write(self, chunks: Sequence[ChunkProcessed], vectors: Sequence[EmbeddingReady]) -> int:
        """Rows of the same or an older version are replaced, newer ones stay; returns how many stayed.

        No chunk_id may be in a sequence twice. Raises Permanent(MODEL_MISMATCH), before anything is written, where a
        vector is of another model than those that are there.
        """
        await self._model.check(vectors)
        superseded = await self._chunks.write([_row(chunk) for chunk in chunks])
        return superseded + await self._embeddings.write([_row(vector) for vector in vectors])

    async def tally(self, versions: Collection[Version]) -> dict[Version, Tally]:
        """How many rows each version has of its chunker on the primary now."""
        chunks, vectors = await asyncio.gather(
            self._counted("chunks", versions, {}), self._counted("embeddings", versions, _COSTS)
        )
        return {version: _tally(chunks.get(version), vectors.get(version)) for version in versions}

    async def _counted(self, collection: str, versions: Collection[Version], sums: Row) -> dict[Version, Row]:
        wanted = {
            "document_id": {"$in": list({version.document_id for version in versions})},
            "version": {"$in": list({version.number for version in versions})},
        }
        chunker = {"$ifNull": ["$chunker", ""]}
        group = {"_id": {"d": "$document_id", "v": "$version", "c": chunker}, "rows": {"$sum": 1}, **sums}
        with map_pymongo_errors():
            found = await self._database[collection].aggregate([{"$match": wanted}, {"$group": group}]).to_list(None)
        return {Version(row["_id"]["d"], row["_id"]["v"], row["_id"]["c"]): row for row in found}

    async def delete_late(self, standings: Collection[Standing]) -> None:
        """Deletes the chunks and vectors of these documents that are late as they stand."""
        deletes = [DeleteMany(query) for standing in standings for query in late_rows(standing)]
        if not deletes:
            return
        with map_pymongo_errors():
            for collection in ("chunks", "embeddings"):
                await self._database[collection].bulk_write(deletes, ordered=False)

    async def count_older(self, document_id: str, version: int) -> Tally:
        """How many rows a document has of versions before this one."""
        older = {"document_id": document_id, "version": {"$lt": version}}
        with map_pymongo_errors():
            chunks, vectors = await asyncio.gather(
                *(self._database[collection].count_documents(older) for collection in ("chunks", "embeddings"))
            )
        return Tally(chunks, vectors)

    # ---- documents -----------------------------------------------------------------------------------------------

    async def standings(self, document_ids: Collection[str]) -> dict[str, Standing]:
        """Of those documents that have a complete version, or were deleted."""
        if not document_ids:
            return {}
        either = [{"current": {"$ne": None}}, {"tombstone": {"$ne": None}}]
        query = {"_id": {"$in": list(document_ids)}, "$or": either}
        fields = ["current.version", "current.chunker", "tombstone"]
        with map_pymongo_errors():
            found = await self._database["documents"].find(query, fields).to_list(None)
        return {row["_id"]: Standing(row["_id"], _current(row), row.get("tombstone")) for row in found}

    async def documents(self, document_ids: Collection[str]) -> dict[str, Stored]:
        with map_pymongo_errors():
            found = await self._database["documents"].find({"_id": {"$in": list(document_ids)}}).to_list(None)
        return {row["_id"]: Stored(row["rev"], _document(row)) for row in found}

    async def replace_documents(self, documents: Sequence[Stored]) -> int:
        """Writes each unless its revision was written by another meanwhile; returns how many were written."""
        if not documents:
            return 0
        operations = [_next_revision(stored) for stored in documents]
        with map_pymongo_errors():
            return await self._written(operations)

    async def _written(self, operations: Sequence[Any]) -> int:
        try:
            done = await self._database["documents"].bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            return int(error.details["nMatched"] + error.details["nUpserted"])
        return int(done.matched_count + done.upserted_count)


def _tally(chunks: Row | None, vectors: Row | None) -> Tally:
    rows = vectors["rows"] if vectors else 0
    cost = EmbeddingCost.model_validate(vectors) if vectors and vectors["priced"] == rows else None
    return Tally(chunks["rows"] if chunks else 0, rows, cost)


def late_rows(standing: Standing) -> list[Row]:
    """The queries for what `Standing.is_late`."""
    deleted = {"document_id": standing.document_id, "version": {"$lt": standing.tombstone}}
    return [
        *([] if standing.tombstone is None else [deleted]),
        *([] if standing.current is None else [_late_rows(standing.current)]),
    ]


def _late_rows(current: Version) -> Row:
    """A row without the field is of another chunker than any that is known."""
    older = {"document_id": current.document_id, "version": {"$lt": current.number}}
    if not current.chunker:
        return older
    others = [{"version": {"$lt": current.number}}, {"chunker": {"$ne": current.chunker}}]
    return {"document_id": current.document_id, "version": {"$lte": current.number}, "$or": others}


def _current(row: Row) -> Version | None:
    current = row.get("current")
    return Version(row["_id"], current["version"], current.get("chunker", "")) if current else None


def _row(part: Part) -> dict[str, Any]:
    row = {"_id": part.chunk_id, **vars(part)}
    del row["chunk_id"], row["s3_path"]  # the document has it, once
    if isinstance(part, EmbeddingReady):
        row["cost"] = part.cost and part.cost.model_dump()
        row["vector"] = Binary(_FLOAT32 + row["vector"], VECTOR_SUBTYPE)
    return row


def _next_revision(stored: Stored) -> Any:
    key = stored.document.document_id
    row = {"_id": key, "rev": stored.revision, **stored.document.model_dump(exclude={"document_id"})}
    return ReplaceOne({"_id": key, "rev": stored.revision - 1}, row, upsert=stored.revision == 1)


def _document(row: Row) -> Document:
    return Document.model_validate({**row, "document_id": row["_id"]})
