"""The gateway's only module that knows MongoDB: its queries, and the translation of its errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import InvalidURI, PyMongoError

from services.api_gateway.store import ChunkPlace, Content, DocumentPlace, StoredChunk, Totals
from shared.contracts.documents import Stage, State
from shared.contracts.kinds import Kind
from shared.contracts.topics import StoredLog
from shared.documents import FINAL, Document
from shared.errors import Fatal, Transient

SELECT_MS, ANSWER_MS = 2_000, 5_000
LONGEST_WAY = timedelta(hours=1)
"""A document that took longer is not counted among those that were completed just now."""
Query = dict[str, Any]


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """A read has nothing in it that could be at fault: whatever goes wrong is an outage."""
    try:
        yield
    except PyMongoError as error:
        raise Transient(f"mongodb: {type(error).__name__}: {error}") from error


class MongoStore:
    """Implements `store.DocumentStore` on the collections `documents` and `chunks`, and `readings_store.ReadingsStore`
    on those of the declared streams; db_writer writes them all."""

    def __init__(self, url: str, database: str) -> None:
        """Connects at the first question. Raises Fatal where `url` isn't one."""
        try:
            self._client: Any = AsyncIOMotorClient(
                url,
                appname="cauce-api_gateway",
                tz_aware=True,
                serverSelectionTimeoutMS=SELECT_MS,
                connectTimeoutMS=SELECT_MS,
                socketTimeoutMS=ANSWER_MS,
            )
        except InvalidURI as error:
            raise Fatal(f"`CAUCE_MONGODB_URL` can't be used: {error}") from None
        self._database = self._client[database]
        self._documents = self._database["documents"]
        self._chunks = self._database["chunks"]
        self._logs = self._database["logs"]

    def close(self) -> None:
        self._client.close()

    async def ping(self) -> None:
        with _translated():
            await self._client.admin.command("ping")

    async def document(self, document_id: str) -> Document | None:
        with _translated():
            found = await self._documents.find_one({"_id": document_id})
        return _document(found) if found else None

    async def documents(
        self, company_id: str, state: State | None, after: DocumentPlace | None, limit: int
    ) -> Sequence[Document]:
        query: Query = {"company_id": company_id, "state": state.value if state else {"$ne": State.DELETED.value}}
        if after:
            query["$or"] = _documents_after(after)
        cursor = self._documents.find(query).sort([("received_at", -1), ("_id", -1)]).limit(limit)
        with _translated():
            return [_document(found) for found in await cursor.to_list(limit)]

    async def chunks(
        self, document_id: str, content: Content, after: ChunkPlace | None, limit: int
    ) -> Sequence[StoredChunk]:
        query: Query = {"document_id": document_id, "content_sha256": content.content_sha256}
        if content.chunker:
            query["chunker"] = content.chunker
        if after:
            query["$or"] = _chunks_after(after)
        cursor = self._chunks.find(query).sort([("chunk_index", 1), ("_id", 1)]).limit(limit)
        with _translated():
            return [_chunk(found) for found in await cursor.to_list(limit)]

    async def needed(self, paths: Collection[str]) -> set[str]:
        wanted = {"$in": list(paths)}
        query = {"$or": [{"held.s3_path": wanted}, {"s3_path": wanted}]}
        with _translated():
            found = await self._documents.find(query).to_list(None)
        return {path for row in found for path in _document(row).needed_objects} & set(paths)

    async def stored_log(self, topic: str) -> StoredLog | None:
        with _translated():
            found = await self._logs.find_one({"_id": topic})
        return StoredLog.model_validate({**found, "topic": topic}) if found else None

    async def totals(self, company_id: str, since: datetime) -> Totals:
        with _translated():
            counts = await asyncio.gather(*(self._count({"company_id": company_id, "state": one}) for one in State))
            return Totals(
                by_state=dict(zip(State, counts, strict=True)),
                in_flight=await self._in_flight(company_id),
                completed=await self._count(_completed(company_id, since)),
            )

    async def _count(self, query: Query) -> int:
        found: int = await self._documents.count_documents(query, maxTimeMS=ANSWER_MS)
        return found

    async def _in_flight(self, company_id: str) -> dict[Stage, int]:
        under_way: Query = {"company_id": company_id, "state": {"$in": [s for s in State if s not in FINAL]}}
        by_stage = [{"$match": under_way}, {"$group": {"_id": "$stage", "documents": {"$sum": 1}}}]
        found = await self._documents.aggregate(by_stage, maxTimeMS=ANSWER_MS).to_list(None)
        return {Stage(row["_id"]): row["documents"] for row in found}

    async def readings(self, collection: str, where: Mapping[str, Any], limit: int) -> Sequence[Mapping[str, Any]]:
        """Without what is there for their writer alone."""
        found = self._database[collection].find(dict(where), {"_id": 0, "_offset": 0})
        with _translated():
            rows: list[Mapping[str, Any]] = (
                await found.sort([("event_time", -1)]).limit(limit).max_time_ms(ANSWER_MS).to_list(limit)
            )
        return rows


def _completed(company_id: str, since: datetime) -> Query:
    """Only among those that came in of late, which an index finds."""
    came_in = {"received_at": {"$gte": since - LONGEST_WAY}}
    return {"company_id": company_id, "state": State.COMPLETE, **came_in, "updated_at": {"$gte": since}}


def _documents_after(place: DocumentPlace) -> list[Query]:
    same = {"received_at": place.received_at, "_id": {"$lt": place.document_id}}
    if place.received_at is None:
        return [same]
    return [{"received_at": {"$lt": place.received_at}}, same, {"received_at": None}]


def _chunks_after(place: ChunkPlace) -> list[Query]:
    return [
        {"chunk_index": {"$gt": place.chunk_index}},
        {"chunk_index": place.chunk_index, "_id": {"$gt": place.chunk_id}},
    ]


def _document(found: dict[str, Any]) -> Document:
    return Document.model_validate({**found, "document_id": found["_id"]})


def _chunk(found: dict[str, Any]) -> StoredChunk:
    return StoredChunk(
        chunk_id=found["_id"],
        chunk_index=found["chunk_index"],
        chunk_count=found["chunk_count"],
        text=found["text"],
        page=found.get("page"),
        heading_path=tuple(found.get("heading_path") or ()),
        char_start=found.get("char_start", 0),
        char_end=found.get("char_end", 0),
        token_count=found.get("token_count"),
        kind=Kind(found.get("kind", Kind.TEXT)),
        text_sha256=found.get("text_sha256"),
    )
