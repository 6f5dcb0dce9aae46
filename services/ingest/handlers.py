"""One upload in, one document worth reading out; or a refusal that says why."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from shared.contracts.base import Operation
from shared.contracts.documents import DocumentRaw, DocumentStatus, Reason, Stage, State, status_of
from shared.contracts.uploads import UploadReceived
from shared.documents import about
from shared.errors import Code, Permanent
from shared.kafka.deadletters import Failure
from shared.kafka.pipeline import Handled
from shared.kafka.records import Emit, Message, Record
from shared.media_types import sniff
from shared.objects import Gone, Objects
from shared.topics import DOCUMENTS_RAW, DOCUMENTS_STATUS

SNIFFED_BYTES = 256 * 1024


def version_of(upload: UploadReceived, record: Record) -> int:
    """The offset that the upload's record got first, above the base that the gateway wrote into it: per document it
    only grows, also where the topic was made anew, and a replay or a redrive gives the same again."""
    return upload.base + record.first.offset


class Ingest:
    """Looks at the stored bytes: are they the ones that were announced, and can anybody read them?"""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def handle(self, batch: Sequence[Message[UploadReceived]]) -> Handled:
        return Handled([emit for message in batch for emit in await self._one(message)])

    async def _one(self, message: Message[UploadReceived]) -> tuple[Emit, ...]:
        upload, record = message.event, message.record
        if upload.operation is Operation.DELETE:
            return _passed_on(_document(upload, record, upload.declared_media_type or ""), State.DELETING, record)
        try:
            head = await self._verified_head(upload)
        except Gone:
            return (_status(_document(upload, record, ""), State.SUPERSEDED, record),)
        media_type = sniff(head, upload.filename, upload.declared_media_type)
        return _passed_on(_document(upload, record, media_type), State.PROCESSING, record)

    async def _verified_head(self, upload: UploadReceived) -> bytes:
        """Reads the whole object once; its first bytes tell the media type. Raises Permanent(OBJECT_MISMATCH), Gone."""
        digest, size, head = hashlib.sha256(), 0, bytearray()
        async for piece in self._objects.read(upload.s3_path):
            digest.update(piece)
            size += len(piece)
            head += piece[: max(0, SNIFFED_BYTES - len(head))]
        if size != upload.size_bytes or digest.hexdigest() != upload.sha256:
            raise Permanent(
                Code.OBJECT_MISMATCH,
                f"the stored object is not what was uploaded: {size} bytes of {upload.size_bytes}, or another SHA-256",
            )
        return bytes(head)


def _passed_on(document: DocumentRaw, state: State, record: Record) -> tuple[Emit, Emit]:
    return Emit(DOCUMENTS_RAW, document, record), _status(document, state, record)


def _status(document: DocumentRaw, state: State, record: Record) -> Emit:
    status = status_of(document, state, Stage.INGEST, datetime.now(UTC))
    return _told(status, record)


def _told(status: DocumentStatus, record: Record) -> Emit:
    """With the place of the upload, so that the store knows how far the topic had come."""
    placed = about(status, record).model_copy(update={"partition": record.first.partition.number})
    return Emit(DOCUMENTS_STATUS, placed, record)


def _document(upload: UploadReceived, record: Record, media_type: str) -> DocumentRaw:
    return DocumentRaw(
        document_id=upload.document_id,
        company_id=upload.company_id,
        operation=upload.operation,
        s3_path=upload.s3_path,
        version=version_of(upload, record),
        filename=upload.filename,
        media_type=media_type,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
        received_at=record.first.time,
        name=upload.name,
        objects=upload.objects,
    )


def failed(message: Message[UploadReceived], failure: Failure) -> Sequence[Emit]:
    """The status that goes with the dead letter of an upload."""
    upload, record = message.event, message.record
    status = DocumentStatus(
        document_id=upload.document_id,
        company_id=upload.company_id,
        version=version_of(upload, record),
        state=State.FAILED,
        stage=Stage.INGEST,
        reason=Reason(code=failure.code.value, message=failure.told),
        at=datetime.now(UTC),
        content_sha256=upload.sha256,
        received_at=record.first.time,
        filename=upload.filename,
        name=upload.name,
        size_bytes=upload.size_bytes,
        s3_path=upload.s3_path,
    )
    return (_told(status, record),)
