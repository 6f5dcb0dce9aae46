"""`documents.raw`: a document worth reading; `documents.status`: what became of it, written by every stage."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Event, Instant, ObjectPath, Operation
from shared.contracts.costs import Bill

if TYPE_CHECKING:
    from datetime import datetime


class DocumentRaw(Event):
    """Keyed by document_id. `version` orders the contents of one document; greater is newer.

    A deletion names the `objects` of the versions before it, and describes the newest of them.
    """

    document_id: str
    company_id: str
    operation: Operation = Operation.PUT
    s3_path: ObjectPath
    version: int = Field(ge=0)
    filename: str
    media_type: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    received_at: Instant
    name: str | None = None
    objects: tuple[ObjectPath, ...] = ()


class State(StrEnum):
    """Where a version of a document stands. The last four are final; a deletion is a version too, without a content."""

    RECEIVED = "received"
    PROCESSING = "processing"
    DELETING = "deleting"
    COMPLETE = "complete"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    DELETED = "deleted"


DELETIONS = frozenset({State.DELETING, State.DELETED})


class Stage(StrEnum):
    """Who spoke last, named after the service."""

    GATEWAY = "api_gateway"
    INGEST = "ingest"
    DOCPROC = "docproc"
    EMBEDDING = "embedding"
    DB_WRITER = "db_writer"


class Counts(BaseModel):
    """What is known so far of a version's parts; null where it isn't known, or the format has no pages."""

    model_config = ConfigDict(frozen=True)

    pages: int | None = None
    chunks: int | None = None
    vectors: int | None = None


class Reason(BaseModel):
    """Why a version failed: a code of the closed list, and a sentence for a person."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Receipt(BaseModel):
    """How much a deletion removed: objects from the object store, rows of chunks and vectors from MongoDB."""

    model_config = ConfigDict(frozen=True)

    objects: int = 0
    chunks: int = 0
    vectors: int = 0


class DocumentStatus(Event):
    """Keyed by document_id. `at` is when the stage was done with it; `chunker` is who cut the parts it speaks of.

    `source` is the record whose handling it tells of, as `topic-partition-offset` of its first position, and `attempt`
    how often that one has come back from the dead letters. `partition` is the one of `uploads.received` that the
    version's upload is in, where the gateway or ingest speaks. `warnings` say what of the document could not be read,
    `bill` what the stage spent on this version: db_writer tells embedding's, which many records share.
    """

    document_id: str
    company_id: str
    version: int = Field(ge=0)
    state: State
    stage: Stage
    counts: Counts = Counts()
    reason: Reason | None = None
    at: Instant
    content_sha256: str
    received_at: Instant | None = None
    filename: str | None = None
    name: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    s3_path: str | None = None
    chunker: str | None = None
    source: str | None = None
    partition: int | None = Field(default=None, ge=0)
    attempt: int = Field(default=0, ge=0)
    receipt: Receipt | None = None
    warnings: tuple[str, ...] = ()
    bill: Bill = Bill()


def status_of(
    document: DocumentRaw,
    state: State,
    stage: Stage,
    at: datetime,
    *,
    counts: Counts | None = None,
    reason: Reason | None = None,
    receipt: Receipt | None = None,
    warnings: tuple[str, ...] = (),
    bill: Bill | None = None,
) -> DocumentStatus:
    """The status of a document that ingest has described."""
    return DocumentStatus(
        document_id=document.document_id,
        company_id=document.company_id,
        version=document.version,
        state=state,
        stage=stage,
        counts=counts or Counts(),
        reason=reason,
        at=at,
        content_sha256=document.sha256,
        received_at=document.received_at,
        filename=document.filename,
        name=document.name,
        media_type=document.media_type,
        size_bytes=document.size_bytes,
        s3_path=document.s3_path,
        receipt=receipt,
        warnings=warnings,
        bill=bill or Bill(),
    )
