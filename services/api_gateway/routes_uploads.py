"""Documents in: `POST /upload` and `PUT /documents/by-name/{name}`."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any
from uuid import uuid4

import structlog
from fastapi import APIRouter, Path, Request, Response

from services.api_gateway import filenames
from services.api_gateway.auth import Company
from services.api_gateway.bodies import announced
from services.api_gateway.parts import Gateway, GatewayParts
from services.api_gateway.problems import Problem, busy, unavailable
from services.api_gateway.receive import FIELD, FORM, Received, receive
from services.api_gateway.room import Busy
from services.api_gateway.upload_log import UploadsPaused
from services.api_gateway.views import AcceptedView, problems
from shared.contracts.ids import document_id, named_document_id
from shared.contracts.uploads import UploadReceived
from shared.errors import Transient
from shared.objects import HELD

log = structlog.get_logger()
router = APIRouter(tags=["uploads"])

_FILE = {"type": "string", "format": "binary"}
_FORM: dict[str, Any] = {FORM: {"schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _FILE}}}}
_PROBLEMS = problems(400, 401, 408, 413, 422, 429, 503)

Name = Annotated[str, Path(min_length=1, max_length=512, examples=["reports/2026/q1"], description="slashes are fine")]


@router.post(
    "/upload",
    status_code=202,
    responses=_PROBLEMS | problems(415),
    openapi_extra={"requestBody": {"required": True, "content": _FORM}},
)
async def upload(request: Request, response: Response, company_id: Company, gateway: GatewayParts) -> AcceptedView:
    """Takes in one file: the form field `file`.

    The answer comes once the bytes are stored and the upload is known to all in-sync replicas. The same bytes again
    are the same document. After a 503 the upload may still be accepted; repeating it is safe.
    """
    received = await _stored(request, gateway, company_id, raw=False)
    event = _event(company_id, received, document_id(company_id, received.stored.sha256), None)
    return await _announced(request, response, gateway, event)


@router.put(
    "/documents/by-name/{name:path}",
    status_code=202,
    responses=_PROBLEMS,
    openapi_extra={"requestBody": {"content": {**_FORM, "*/*": {"schema": _FILE}}}},
)
async def put_by_name(
    name: Name, request: Request, response: Response, company_id: Company, gateway: GatewayParts
) -> AcceptedView:
    """Takes in the content of a document that may change: a form as for `/upload`, or the file itself as the body.

    A new content shows whole and at once when it is complete; until then readers see the one before.
    """
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise Problem(422, "bad_name", "the name has control characters")
    if "\ufffd" in name:
        raise Problem(422, "bad_name", "the name is not UTF-8")
    received = await _stored(request, gateway, company_id, raw=True)
    event = _event(company_id, received, named_document_id(company_id, name), name)
    return await _announced(request, response, gateway, event)


async def _stored(request: Request, gateway: Gateway, company_id: str, *, raw: bool) -> Received:
    """What would be refused in the end is refused before it is read."""
    gateway.upload_log.admit()
    path = f"{company_id}/{uuid4()}"
    with gateway.upload_room.share() as share:
        try:
            share.take(min(announced(request) or HELD, HELD))
        except Busy as error:
            raise busy("too many uploads are coming in: nothing of this one was read") from error
        return await receive(request, gateway.objects, path, gateway.limits, raw=raw)


def _event(company_id: str, received: Received, document: str, name: str | None) -> UploadReceived:
    return UploadReceived(
        document_id=document,
        company_id=company_id,
        s3_path=received.stored.path,
        filename=filenames.clean(received.filename or name),
        sha256=received.stored.sha256,
        size_bytes=received.stored.size_bytes,
        declared_media_type=received.media_type,
        name=name,
    )


async def _announced(request: Request, response: Response, gateway: Gateway, event: UploadReceived) -> AcceptedView:
    try:
        status = await gateway.uploads.publish(event, request.headers.get("traceparent", "").encode() or None)
    except UploadsPaused:
        raise
    except Transient as error:
        log.warning("upload not acknowledged", document_id=event.document_id, path=event.s3_path, error=str(error))
        detail = "the upload was not acknowledged in time: it may still be accepted, and repeating it is safe"
        raise unavailable("not_acknowledged", detail, error.retry_after) from error
    log.info("upload accepted", document_id=status.document_id, version=status.version, size_bytes=event.size_bytes)
    accepted = AcceptedView.of(status, event.size_bytes, event.filename)
    response.headers["Location"] = accepted.status_url
    return accepted
