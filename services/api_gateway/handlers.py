"""Tells the rest of Cauce that a document has come in, or is to go: two acknowledged events each."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from services.api_gateway.upload_log import UploadLog
from shared.contracts.base import Operation
from shared.contracts.documents import DocumentStatus, Stage, State
from shared.contracts.uploads import UploadReceived
from shared.errors import Transient
from shared.kafka.records import Emit, Record, encode
from shared.kafka.transport import Producer
from shared.topics import DOCUMENTS_STATUS, UPLOADS_RECEIVED

NAME = "api_gateway"


class Uploads:
    """Publishes uploads. Safe for concurrent use."""

    def __init__(self, producer: Producer, log: UploadLog, deadline: float) -> None:
        """`deadline` in seconds: for both events of an upload together."""
        self._producer = producer
        self._log = log
        self._deadline = deadline

    async def publish(self, upload: UploadReceived, traceparent: bytes | None = None) -> DocumentStatus:
        """Returns once all in-sync replicas have the upload and its first status, in the log that is in force.

        Raises UploadsPaused, before anything is published, while no log is in force; Transient when its acknowledgement
        could not be learnt in time, or came from another log: the upload may be on its way all the same, so the stored
        bytes must stay.
        """
        try:
            async with asyncio.timeout(self._deadline):
                return await self._publish(upload, traceparent)
        except TimeoutError:
            raise Transient(f"kafka: no acknowledgement within {self._deadline:g} s") from None

    async def _publish(self, upload: UploadReceived, traceparent: bytes | None) -> DocumentStatus:
        admission = self._log.admit()
        upload = upload.model_copy(update={"base": admission.adopted.base})
        record = await self._acknowledged(Emit(UPLOADS_RECEIVED, upload), traceparent)
        await self._log.confirm(admission, record)
        status = received(upload, record)
        await self._acknowledged(Emit(DOCUMENTS_STATUS, status, record), traceparent)
        return status

    async def _acknowledged(self, emit: Emit, traceparent: bytes | None) -> Record:
        """The record as it was written."""
        [outgoing] = encode([emit], NAME, traceparent)
        [written] = await self._producer.publish([outgoing])
        return Record(
            written.partition, written.offset, written.timestamp, outgoing.key, outgoing.value, outgoing.headers
        )


def received(upload: UploadReceived, record: Record) -> DocumentStatus:
    """The first status of an upload, or of a deletion. The media type is left open: ingest finds the real one."""
    return DocumentStatus(
        document_id=upload.document_id,
        company_id=upload.company_id,
        version=upload.base + record.offset,
        state=State.DELETING if upload.operation is Operation.DELETE else State.RECEIVED,
        stage=Stage.GATEWAY,
        at=datetime.now(UTC),
        content_sha256=upload.sha256,
        received_at=record.time,
        filename=upload.filename,
        name=upload.name,
        size_bytes=upload.size_bytes,
        s3_path=upload.s3_path,
        partition=record.partition.number,
    )
