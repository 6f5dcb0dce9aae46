"""Documents away: `DELETE /documents/{id}` and `DELETE /documents/by-name/{name}`."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Request, Response

from services.api_gateway.auth import Company
from services.api_gateway.parts import Gateway, GatewayParts
from services.api_gateway.problems import unavailable
from services.api_gateway.routes_documents import DocumentId, found
from services.api_gateway.routes_uploads import Name
from services.api_gateway.upload_log import UploadsPaused
from services.api_gateway.views import DeletingView, problems
from shared.contracts.documents import DELETIONS, DocumentStatus
from shared.contracts.ids import named_document_id
from shared.documents import Document, deletion_of
from shared.errors import Transient

log = structlog.get_logger()
router = APIRouter(tags=["documents"])

_PROBLEMS = problems(401, 404, 422, 503)


@router.delete("/documents/{document_id}", status_code=202, responses=_PROBLEMS)
async def delete_document(
    document_id: DocumentId, request: Request, response: Response, company_id: Company, gateway: GatewayParts
) -> DeletingView:
    """Deletes a document: its chunks, its vectors, and the bytes of all its versions.

    Readers of this gateway don't see it any more from the answer on, those of another one moments later;
    `GET /documents/{id}` then has the receipt. Another document of the same content stays, and the same bytes may be
    uploaded again. After a 503 it may still be deleted; repeating it is safe.
    """
    return await _deleted(request, response, gateway, company_id, document_id)


@router.delete("/documents/by-name/{name:path}", status_code=202, responses=_PROBLEMS)
async def delete_by_name(
    name: Name, request: Request, response: Response, company_id: Company, gateway: GatewayParts
) -> DeletingView:
    """Deletes the document of this name, as `DELETE /documents/{id}` does."""
    return await _deleted(request, response, gateway, company_id, named_document_id(company_id, name))


async def _deleted(
    request: Request, response: Response, gateway: Gateway, company_id: str, document_id: str
) -> DeletingView:
    """One that is being deleted already, or was, is not deleted again."""
    await gateway.reader.catch_up()
    document = await found(gateway, company_id, document_id)
    version, state = document.version, document.state
    if state not in DELETIONS:
        status = await _announced(request, gateway, document)
        version, state = status.version, status.state
    accepted = DeletingView.of(document_id, version, state)
    response.headers["Location"] = accepted.status_url
    return accepted


async def _announced(request: Request, gateway: Gateway, document: Document) -> DocumentStatus:
    try:
        trace = request.headers.get("traceparent", "").encode() or None
        status = await gateway.uploads.publish(deletion_of(document), trace)
    except UploadsPaused:
        raise
    except Transient as error:
        log.warning("deletion not acknowledged", document_id=document.document_id, error=str(error))
        detail = "the deletion was not acknowledged in time: it may still happen, and repeating it is safe"
        raise unavailable("not_acknowledged", detail, error.retry_after) from error
    log.info("deletion accepted", document_id=status.document_id, version=status.version)
    await gateway.reader.catch_up()
    return status
