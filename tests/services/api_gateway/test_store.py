"""One behaviour, two stores: MongoDB as db_writer fills it, and the one in memory that the other tests use."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from services.api_gateway.mongo import MongoStore
from services.api_gateway.store import ChunkPlace, Content, DocumentPlace, DocumentStore, StoredChunk
from shared.contracts.documents import Counts, DocumentStatus, Reason, Stage, State
from shared.contracts.kinds import Kind
from shared.documents import Document, fold
from shared.errors import Fatal, Transient
from tests.services.api_gateway.world import ACME, OTHER, MemoryStore, chunk, status


def _at(version: int, state: State, stage: Stage) -> DocumentStatus:
    told = status("d", state, stage, version=version, reason=Reason(code="c", message="m"))
    return told.model_copy(update={"s3_path": f"acme/{version}"})


CONTENT = Content("a" * 64, "f1")


STATUSES = [
    status("a", State.COMPLETE, Stage.DB_WRITER),
    status("b", State.COMPLETE, Stage.DB_WRITER, minute=30),
    status("c", State.RECEIVED, Stage.GATEWAY),
    status("d", State.PROCESSING, Stage.DOCPROC),
    status("e", State.FAILED, Stage.INGEST),
]


class StoreSuite(ABC):
    """What every store does."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any: ...

    @abstractmethod
    async def fill(
        self, store: Any, documents: Sequence[Document], chunks: dict[tuple[str, Content], Sequence[StoredChunk]]
    ) -> None:
        """As db_writer would have."""

    async def test_document_comes_back_as_it_was_folded(self, store: DocumentStore) -> None:
        """Times, counts, reason, current content and timeline survive."""
        counts = Counts(pages=1, chunks=2, vectors=2)
        told = fold(None, status("d", State.COMPLETE, Stage.DB_WRITER, counts=counts, chunker="f1"))
        told = fold(told, status("d", State.FAILED, Stage.INGEST, version=3, reason=Reason(code="c", message="m")))
        await self.fill(store, [told], {})
        assert await store.document("d") == told
        assert await store.document("e") is None

    async def test_documents_of_one_company_newest_first(self, store: DocumentStore) -> None:
        """Pages follow on each other also where many documents share a moment, or have none."""
        documents = [told(f"d{number}", minute=number // 3) for number in range(8)]
        documents += [told(f"n{number}").model_copy(update={"received_at": None}) for number in range(3)]
        await self.fill(store, [*documents, told("other", company_id=OTHER)], {})
        found: list[Document] = []
        while page := await store.documents(ACME, None, place(found), 2):
            assert len(page) <= 2
            found += page
        names = [document.document_id for document in found]
        assert names == ["d7", "d6", "d5", "d4", "d3", "d2", "d1", "d0", "n2", "n1", "n0"]

    async def test_objects_that_are_needed(self, store: DocumentStore) -> None:
        """The newest version's, and the one's that readers see; not what was between, deleted, or is nobody's."""
        paths = ["acme/1", "acme/2", "acme/3"]
        told = fold(None, _at(1, State.COMPLETE, Stage.DB_WRITER))
        told = fold(fold(told, _at(2, State.FAILED, Stage.DOCPROC)), _at(3, State.RECEIVED, Stage.GATEWAY))
        await self.fill(store, [told], {})
        assert await store.needed([*paths, "acme/4"]) == {"acme/1", "acme/3"}
        gone = fold(told, _at(4, State.DELETING, Stage.GATEWAY)).model_copy(update={"document_id": "gone"})
        await self.fill(store, [gone], {})
        assert await store.needed(["acme/4"]) == set()

    async def test_totals_of_a_company(self, store: DocumentStore) -> None:
        """By state, by stage of what is under way, and what was completed of late."""
        documents = [fold(None, one) for one in STATUSES]
        await self.fill(store, [*documents, told("x", company_id=OTHER)], {})
        totals = await store.totals(ACME, STATUSES[0].at + timedelta(minutes=30))
        assert totals.by_state == dict(zip(State, (1, 1, 0, 2, 1, 0, 0), strict=True))
        assert totals.in_flight == {Stage.GATEWAY: 1, Stage.DOCPROC: 1}
        assert totals.completed == 1

    async def test_documents_in_one_state(self, store: DocumentStore) -> None:
        """The filter and the place hold together."""
        states = [State.FAILED, State.COMPLETE]
        documents = [told(f"d{number}", state=states[number % 2], minute=number) for number in range(6)]
        await self.fill(store, documents, {})
        first = await store.documents(ACME, State.FAILED, None, 2)
        rest = await store.documents(ACME, State.FAILED, place(first), 2)
        assert [d.document_id for d in (*first, *rest)] == ["d4", "d2", "d0"]

    async def test_chunks_of_one_content_in_order(self, store: DocumentStore) -> None:
        """Chunks of another content, chunker or document are not seen, and pages follow on each other."""
        chunks = [chunk(index, 5) for index in range(5)]
        others = {("d", Content("b" * 64, "f1")): [chunk(9, 10)], ("e", CONTENT): [chunk(8, 9)]}
        others["d", CONTENT._replace(chunker="f2")] = [chunk(7, 8)]
        await self.fill(store, [], {("d", CONTENT): chunks[::-1], **others})
        first = await store.chunks("d", CONTENT, None, 3)
        assert list(first) == chunks[:3]
        assert list(await store.chunks("d", CONTENT, first[-1].place, 3)) == chunks[3:]
        assert list(await store.chunks("d", CONTENT, ChunkPlace(2**31 - 1, "x"), 3)) == []

    async def test_chunks_of_every_release(self, store: DocumentStore) -> None:
        """A chunk says what it holds; one that was written before chunks did is text."""
        chunks = [chunk(0, 2), replace(chunk(1, 2), kind=Kind.TABLE, text_sha256="c" * 64)]
        await self.fill(store, [], {("d", CONTENT): chunks})
        assert list(await store.chunks("d", CONTENT, None, 3)) == chunks
        assert [each.kind for each in chunks] == [Kind.TEXT, Kind.TABLE]

    async def test_chunks_of_an_unknown_chunker(self, store: DocumentStore) -> None:
        """Where nobody wrote down who cut the current content, all its chunks are its own, named or not."""
        unknown = CONTENT._replace(chunker="")
        await self.fill(store, [], {("d", CONTENT): [chunk(0, 2)], ("d", unknown): [chunk(1, 2)]})
        assert list(await store.chunks("d", unknown, None, 3)) == [chunk(0, 2), chunk(1, 2)]
        assert list(await store.chunks("d", CONTENT, None, 3)) == [chunk(0, 2)]


def told(document_id: str, *, state: State = State.COMPLETE, minute: int = 0, company_id: str = ACME) -> Document:
    return fold(None, status(document_id, state, Stage.DB_WRITER, minute=minute, company_id=company_id))


def place(found: Sequence[Document]) -> DocumentPlace | None:
    return DocumentPlace(found[-1].received_at, found[-1].document_id) if found else None


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    async def fill(
        self, store: Any, documents: Sequence[Document], chunks: dict[tuple[str, Content], Sequence[StoredChunk]]
    ) -> None:
        store.known.update({document.document_id: document for document in documents})
        store.parts.update({key: list(parts) for key, parts in chunks.items()})


@pytest.mark.fleet
class TestMongoStore(StoreSuite):
    @pytest.fixture
    async def database(self, mongodb_url: str) -> AsyncIterator[Any]:
        client: Any = AsyncIOMotorClient(mongodb_url)
        name = f"gateway-{uuid4()}"
        yield client[name]
        await client.drop_database(name)
        client.close()

    @pytest.fixture
    async def store(self, mongodb_url: str, database: Any) -> AsyncIterator[MongoStore]:
        self._database = database
        store = MongoStore(mongodb_url, database.name)
        yield store
        store.close()

    async def fill(
        self, store: Any, documents: Sequence[Document], chunks: dict[tuple[str, Content], Sequence[StoredChunk]]
    ) -> None:
        for document in documents:
            row = document.model_dump(exclude={"document_id"})
            await self._database["documents"].insert_one({"_id": document.document_id, "rev": 1, **row})
        for (document_id, content), parts in chunks.items():
            for part in parts:
                await self._database["chunks"].insert_one(_row(document_id, content, part))

    async def test_readings_newest_first(self, store: MongoStore) -> None:
        """Of all, or by the value of a field; without what is there for their writer alone."""
        at = status("d", State.RECEIVED, Stage.GATEWAY).at
        rows = [{"sensor_id": f"s{n % 2}", "value": n / 2, "event_time": at + timedelta(seconds=n)} for n in range(4)]
        await self._database["air"].insert_many([{"_id": str(n), "_offset": n, **row} for n, row in enumerate(rows)])
        assert await store.readings("air", {}, 3) == [rows[3], rows[2], rows[1]]
        assert await store.readings("air", {"sensor_id": "s0"}, 3) == [rows[2], rows[0]]
        assert await store.readings("nothing", {}, 3) == []

    async def test_deleted_document_is_not_listed(self, store: MongoStore) -> None:
        """Its receipt can be had, and the list of those that were deleted; other lists don't have it."""
        document = fold(None, status("d", State.DELETED, Stage.DB_WRITER))
        await self._database["documents"].insert_one({"_id": "d", **document.model_dump(exclude={"document_id"})})
        assert await store.document("d") == document
        assert await store.documents(ACME, None, None, 5) == []
        assert await store.documents(ACME, State.DELETED, None, 5) == [document]

    async def test_ping(self, store: MongoStore) -> None:
        """A server that is there answers."""
        await store.ping()


def _row(document_id: str, content: Content, part: StoredChunk) -> dict[str, Any]:
    return {
        "_id": part.chunk_id,
        "document_id": document_id,
        "content_sha256": content.content_sha256,
        **({"chunker": content.chunker} if content.chunker else {}),
        "company_id": ACME,
        "version": 1,
        "chunk_index": part.chunk_index,
        "chunk_count": part.chunk_count,
        "text": part.text,
        "page": part.page,
        "heading_path": list(part.heading_path),
        "char_start": part.char_start,
        "char_end": part.char_end,
        "token_count": part.token_count,
        **({"kind": part.kind, "text_sha256": part.text_sha256} if part.text_sha256 else {}),
        "received_at": status("d", State.RECEIVED, Stage.GATEWAY).at + timedelta(minutes=1),
    }


async def test_server_that_is_not_there_is_an_outage(unused_tcp_port: int) -> None:
    """Nobody answers: Transient, within seconds."""
    store = MongoStore(f"mongodb://127.0.0.1:{unused_tcp_port}", "cauce")
    lists = store.documents(ACME, None, None, 1), store.chunks("d", CONTENT, None, 1)
    questions = store.ping(), store.document("d"), *lists
    answers = await asyncio.gather(*questions, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Transient] * 4
    store.close()


def test_address_that_is_none_ends_the_process() -> None:
    """A mistake in the settings is named."""
    with pytest.raises(Fatal, match="CAUCE_MONGODB_URL"):
        MongoStore("http://x", "cauce")
