"""The way of a document without Kafka: ingest's handler, then docproc's, and what is told of a refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.docproc import handlers as docproc
from services.docproc.chunking import ChunkOptions
from services.docproc.folders import Folders
from services.docproc.pool import ParserPool
from services.ingest import handlers as ingest
from shared.contracts.chunks import ChunkProcessed
from shared.contracts.documents import DocumentRaw, DocumentStatus
from shared.contracts.uploads import UploadReceived
from shared.errors import Code, Permanent
from shared.kafka.deadletters import Failure, dead_letter
from shared.kafka.records import Emit, Message, Partition, Record, encode
from shared.kafka.retry import GiveUp, RetryPolicy, plan_retry
from shared.objects import Objects
from tests.services.docproc.hostile.case import Hostile

DOCUMENT_ID = "7f0c2a43-9d6c-5a7e-8f43-111111111111"
_POLICY = RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code` is None for a document that was read; `records` are the values that go to Kafka, in bytes."""

    code: Code | None
    told: str
    chunks: tuple[str, ...] = ()
    records: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(self.chunks)


class Road:
    """Objects in a folder, and one pool for all documents."""

    def __init__(self, folder: Path, pool: ParserPool, folders: Folders) -> None:
        self._objects = Objects(f"file://{folder}")
        self._ingest = ingest.Ingest(self._objects)
        self._docproc = docproc.Docproc(self._objects, pool, folders, ChunkOptions().fingerprint)

    async def take(self, case: Hostile) -> Outcome:
        data = case.make()
        async with self._objects.writer("acme/hostile") as writer:
            await writer.write(data)
        upload = UploadReceived(
            document_id=DOCUMENT_ID,
            company_id="acme",
            s3_path="acme/hostile",
            filename=case.filename,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            declared_media_type=case.declared,
        )
        received = Message(_record("uploads.received", upload.to_json()), upload)
        try:
            first = (await self._ingest.handle([received])).emits[0].event
        except Permanent as error:
            return _given_up(error, ingest.failed, received)
        assert isinstance(first, DocumentRaw)
        raw = Message(_record("documents.raw", first.to_json()), first)
        try:
            emits = (await self._docproc.handle([raw])).emits
        except Permanent as error:
            return _given_up(error, docproc.failed, raw)
        chunks = tuple(each.event.text for each in emits if isinstance(each.event, ChunkProcessed))
        sizes = tuple(len(each.value or b"") for each in encode(emits, "docproc"))
        return Outcome(None, "", chunks, sizes)


def _record(topic: str, value: bytes) -> Record:
    return Record(Partition(topic, 0), 1, 1_767_323_045_678, b"d", value)


def _given_up(
    error: Permanent, failed: Callable[[Message[Any], Failure], Sequence[Emit]], message: Message[Any]
) -> Outcome:
    decision = plan_retry(error, 1, _POLICY)
    assert isinstance(decision, GiveUp)
    failure = Failure(decision.code, decision.message, 1, datetime.now(UTC))
    (status,) = failed(message, failure)
    assert isinstance(status.event, DocumentStatus)
    assert status.event.reason is not None
    letter = dead_letter(message.record, failure, group="g", service="s", dlq_topic="t.dlq")
    sizes = (len(status.event.to_json()), sum(len(value) for _, value in letter.headers))
    return Outcome(decision.code, status.event.reason.message, records=sizes)
