"""One document in, its chunks out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from services.docproc.folders import Folders
from services.docproc.pool import Parsed, ParserPool
from shared.contracts import ids
from shared.contracts.base import Operation
from shared.contracts.chunks import ChunkProcessed
from shared.contracts.costs import Bill, ParsingCost
from shared.contracts.documents import Counts, DocumentRaw, Reason, Receipt, Stage, State, status_of
from shared.documents import about
from shared.kafka.deadletters import Failure
from shared.kafka.pipeline import Handled
from shared.kafka.records import Emit, Message
from shared.objects import PIECE, Gone, Objects
from shared.texts import remove_document, text_path
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_STATUS

log = structlog.get_logger()

MOST_WARNINGS, WARNING_CHARS = 20, 300


class Docproc:
    """Fetches the document's bytes, has them parsed and cut in a process that may die, and says what came out."""

    def __init__(self, objects: Objects, pool: ParserPool, folders: Folders, chunker: str) -> None:
        """`chunker` is the fingerprint of everything that decides where the text is cut; it is part of each id."""
        self._objects = objects
        self._pool = pool
        self._folders = folders
        self._chunker = chunker

    async def handle(self, batch: Sequence[Message[DocumentRaw]]) -> Handled:
        return Handled([emit for message in batch for emit in await self._one(message)])

    async def _one(self, message: Message[DocumentRaw]) -> list[Emit]:
        document = message.event
        if document.operation is Operation.DELETE:
            return [await self._delete(message)]
        try:
            parsed = await self._parse(document)
        except Gone:
            return [_status(message, State.SUPERSEDED)]
        if parsed.warnings:
            log.warning("read with gaps", filename=document.filename, warnings=parsed.warnings)
        chunks = _chunks(document, parsed, self._chunker)
        counts = Counts(pages=parsed.page_count, chunks=len(chunks))
        cost = ParsingCost(pages=parsed.page_count, bytes=document.size_bytes, cpu_seconds=parsed.cpu_seconds)
        return [
            *(Emit(CHUNKS_PROCESSED, chunk, message.record) for chunk in chunks),
            _status(message, State.PROCESSING, counts=counts, warnings=_told(parsed.warnings), bill=Bill(docproc=cost)),
        ]

    async def _delete(self, message: Message[DocumentRaw]) -> Emit:
        """The objects, here, since a document's records come in order: whatever is older has been read."""
        paths = set(message.event.objects)
        for path in sorted(paths):
            await remove_document(self._objects, path)
        return _status(message, State.DELETING, receipt=Receipt(objects=len(paths)))

    async def _parse(self, document: DocumentRaw) -> Parsed:
        """The text is stored before any chunk is published that points into it; a repetition stores the same."""
        with self._folders.one() as folder:
            path = folder / "document"
            await self._objects.download(document.s3_path, path)
            parsed = await self._pool.run(path, document.media_type)
        async with self._objects.writer(text_path(document.s3_path, self._chunker)) as writer:
            for start in range(0, len(parsed.text), PIECE):
                await writer.write(parsed.text[start : start + PIECE])
        return parsed


def _told(warnings: Sequence[str]) -> tuple[str, ...]:
    """As many, and as much of each, as belongs into a status."""
    told = tuple(warning[:WARNING_CHARS] for warning in warnings[:MOST_WARNINGS])
    left = len(warnings) - len(told)
    return (*told, f"{left} more warnings") if left else told


def _chunks(document: DocumentRaw, parsed: Parsed, chunker: str) -> list[ChunkProcessed]:
    return [
        ChunkProcessed(
            chunk_id=ids.chunk_id(document.document_id, document.sha256, chunker, index),
            document_id=document.document_id,
            company_id=document.company_id,
            version=document.version,
            content_sha256=document.sha256,
            chunk_index=index,
            chunk_count=len(parsed.chunks),
            received_at=document.received_at,
            chunker=chunker,
            s3_path=document.s3_path,
            text=chunk.text,
            page=chunk.page,
            heading_path=tuple(chunk.heading_path),
            char_start=chunk.char_start,
            char_end=chunk.char_end,
            token_count=chunk.token_count,
            kind=chunk.kind,
            text_sha256=hashlib.sha256(chunk.text.encode()).hexdigest(),
        )
        for index, chunk in enumerate(parsed.chunks)
    ]


def failed(message: Message[DocumentRaw], failure: Failure) -> Sequence[Emit]:
    """The status that goes with the dead letter of a document."""
    return (_status(message, State.FAILED, reason=Reason(code=failure.code.value, message=failure.told)),)


def _status(message: Message[DocumentRaw], state: State, **facts: Any) -> Emit:
    """`facts` as `status_of` takes them."""
    status = status_of(message.event, state, Stage.DOCPROC, datetime.now(UTC), **facts)
    return Emit(DOCUMENTS_STATUS, about(status, message.record), message.record)
