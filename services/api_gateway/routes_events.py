"""`GET /documents/{id}/events`: a document's way through the stages as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from services.api_gateway.auth import Company
from services.api_gateway.event_streams import described
from services.api_gateway.joining import joined
from services.api_gateway.parts import GatewayParts
from services.api_gateway.routes_documents import DocumentId, found
from services.api_gateway.status_view import StatusView
from services.api_gateway.views import DocumentView, problems
from shared.documents import FINAL, Document

router = APIRouter(tags=["documents"])

PING_SECONDS = 15
_STREAM = described("one event per change of state or stage, named after the state; its data is the document")
_NO_MORE: dict[int | str, dict[str, Any]] = {
    204: {"description": "the client has seen the last event already: there is no need to come again"},
}


@router.get(
    "/documents/{document_id}/events",
    response_class=EventSourceResponse,
    responses=_STREAM | _NO_MORE | problems(401, 404, 422, 503),
)
async def events(
    document_id: DocumentId,
    company_id: Company,
    gateway: GatewayParts,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """First the present state, then every change, until the document is complete, failed or superseded."""
    document = await found(gateway, company_id, document_id)
    if document.state in FINAL and last_event_id == _id(document):
        return Response(status_code=204)
    return EventSourceResponse(_events(gateway.reader.view, document), ping=PING_SECONDS)


async def _events(view: StatusView, document: Document) -> AsyncIterator[ServerSentEvent]:
    """What came between the first look and the watch is in the view."""
    with view.watch(document.document_id) as watch:
        document = joined(document, view.get(document.document_id)) or document
        yield _event(document)
        if document.state in FINAL:
            return
        async for change in watch.changes():
            before, document = document, joined(document, change) or document
            if _id(document) != _id(before):
                yield _event(document)
            if document.state in FINAL:
                return


def _id(document: Document) -> str:
    """Changes with state and stage, and only then."""
    return f"{document.version}.{document.rank}"


def _event(document: Document) -> ServerSentEvent:
    return ServerSentEvent(
        data=DocumentView.of(document).model_dump_json(), event=document.state.value, id=_id(document)
    )
