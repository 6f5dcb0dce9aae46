"""Documents out: what became of them, and their chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from services.api_gateway import cursors
from services.api_gateway.auth import Company
from services.api_gateway.parts import Gateway, GatewayParts
from services.api_gateway.problems import Problem
from services.api_gateway.store import ChunkPlace, Content, DocumentPlace
from services.api_gateway.upload_log import MAY_BE_LOST
from services.api_gateway.views import ChunkPage, DocumentPage, DocumentView, chunk_page, problems
from shared.contracts.documents import State
from shared.documents import Document, Edition
from shared.errors import Permanent
from shared.texts import text_path

router = APIRouter(tags=["documents"])

DocumentId = Annotated[str, Path(examples=["0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"])]
Limit = Annotated[int, Query(ge=1, le=500, description="at most so many on one page")]
Cursor = Annotated[
    str | None, Query(max_length=cursors.LONGEST, description="`next_cursor` of the page before; none for the first")
]
_PLAIN = "text/plain; charset=utf-8"
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "the text, in UTF-8", "content": {_PLAIN: {"schema": {"type": "string"}}}},
    304: {"description": "it is still the one that `If-None-Match` names"},
}


async def found(gateway: Gateway, company_id: str, document_id: str) -> Document:
    """Raises Problem 404, also for another company's; Transient where it can't be told."""
    document = await gateway.reader.find(company_id, document_id) if _is_id(document_id) else None
    if document is None:
        raise Problem(404, "no_such_document", f"there is no document `{document_id[:64]}`")
    return document


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


@router.get("/documents", responses=problems(401, 422, 503))
async def list_documents(
    company_id: Company,
    gateway: GatewayParts,
    state: Annotated[State | None, Query(description="only those in this state")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DocumentPage:
    """The company's documents, the newest first. One that was received within the last second may be missing yet."""
    after = cursors.to_document(cursor) if cursor else None
    documents = await gateway.store.documents(company_id, state, after, limit + 1)
    page = documents[:limit]
    more = len(documents) > limit
    return DocumentPage(
        documents=tuple(_view(gateway, document) for document in page),
        next_cursor=cursors.of_document(DocumentPlace(page[-1].received_at, page[-1].document_id)) if more else None,
    )


@router.get("/documents/{document_id}", responses=problems(401, 404, 422, 503))
async def get_document(document_id: DocumentId, company_id: Company, gateway: GatewayParts) -> DocumentView:
    """What became of a document: known from the moment its upload was answered."""
    return _view(gateway, await found(gateway, company_id, document_id))


def _view(gateway: Gateway, document: Document) -> DocumentView:
    return DocumentView.of(document, MAY_BE_LOST if gateway.upload_log.may_have_lost(document) else None)


@router.get("/documents/{document_id}/chunks", responses=problems(401, 404, 409, 422, 503))
async def get_chunks(
    document_id: DocumentId, company_id: Company, gateway: GatewayParts, limit: Limit = 50, cursor: Cursor = None
) -> ChunkPage:
    """The chunks of the current content, in the order of the text."""
    document = await found(gateway, company_id, document_id)
    content = _content(document)
    after = _place(content, cursor)
    if content is None:
        return chunk_page(document, (), None)
    chunks = await gateway.store.chunks(document_id, content, after, limit + 1)
    page = chunks[:limit]
    return chunk_page(document, page, cursors.of_chunk(content, page[-1].place) if len(chunks) > limit else None)


@router.get(
    "/documents/{document_id}/text",
    response_class=StreamingResponse,
    responses=_TEXT | problems(401, 404, 422, 503),
)
async def get_text(
    document_id: DocumentId,
    company_id: Company,
    gateway: GatewayParts,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The extracted text of the current content: what the character ranges of its chunks point into, in code points."""
    document = await found(gateway, company_id, document_id)
    edition, path = _text(document)
    headers = {"ETag": f'"{edition.content_sha256}-{edition.chunker}"', "Cache-Control": "private, no-cache"}
    if if_none_match and _matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return StreamingResponse(await _begun(gateway.objects.read(path)), media_type=_PLAIN, headers=headers)


def _text(document: Document) -> tuple[Edition, str]:
    """The current edition and where its text is. Raises Problem 404."""
    edition = document.current
    if edition is None:
        raise Problem(404, "not_complete", "no version of this document is complete yet, so there is no text")
    original = edition.s3_path or (document.s3_path if edition.version == document.version else None)
    if original is None or not edition.chunker:
        raise Problem(404, "no_text", "this document was read before texts were kept: upload it again")
    return edition, text_path(original, edition.chunker)


def _matches(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces; the first one is here, so that what is not there is known before the answer begins."""
    try:
        first = await anext(pieces, b"")
    except Permanent as error:
        raise Problem(404, "no_text", "the text of this document is not stored any more: upload it again") from error

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_them()


def _content(document: Document) -> Content | None:
    edition = document.current
    return Content(edition.content_sha256, edition.chunker) if edition else None


def _place(current: Content | None, cursor: str | None) -> ChunkPlace | None:
    """Raises Problem 409 where the pages before were of another content, or cut by another chunker."""
    if cursor is None:
        return None
    content, place = cursors.to_chunk(cursor)
    if content != current:
        raise Problem(409, "content_changed", "the document has a new content: begin without a cursor")
    return place
