"""The event of `uploads.received` that a known document comes to: its deletion, or its content once more."""

from __future__ import annotations

from shared.contracts.base import Operation
from shared.contracts.uploads import UploadReceived
from shared.documents.model import Document


def deletion_of(document: Document) -> UploadReceived:
    """Names every object that is known to be there; one that isn't is removed by the sweeper."""
    objects = tuple(dict.fromkeys(held.s3_path for held in document.held))
    event = _event(document, document.s3_path or objects[-1])
    return event.model_copy(update={"operation": Operation.DELETE, "objects": objects})


def content_of(document: Document) -> UploadReceived | None:
    """Its newest version as a new one; None where nobody has said where its bytes are."""
    return None if document.s3_path is None else _event(document, document.s3_path)


def _event(document: Document, s3_path: str) -> UploadReceived:
    return UploadReceived(
        document_id=document.document_id,
        company_id=document.company_id,
        s3_path=s3_path,
        filename=document.filename or "",
        sha256=document.content_sha256,
        size_bytes=document.size_bytes or 0,
        declared_media_type=document.media_type,
        name=document.name,
    )
