"""What was accepted and may have been on its way when a log was lost: what can be uploaded again, and what can't."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from pydantic import ValidationError

from cauce.adopting.facts import Facts
from compose.local.stored import Stores
from shared.contracts.base import Operation
from shared.contracts.documents import DELETIONS
from shared.contracts.topics import incarnation_of
from shared.contracts.uploads import UploadReceived
from shared.documents import Document, content_of, deletion_of
from shared.kafka.client import Connection, read_from
from shared.kafka.records import Partition, Record
from shared.objects import Objects
from shared.topics import UPLOADS_RECEIVED


@dataclass(frozen=True)
class PutBack:
    """An upload, or a deletion, as it will be written again; `known_as` is what a person calls the document."""

    event: UploadReceived
    known_as: str


@dataclass
class Lost:
    """`gone` are documents whose bytes are nowhere any more: only their senders can upload them again."""

    back: list[PutBack] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


async def lost_documents(
    connection: Connection, stores: Stores, objects: Objects, facts: Facts, *, whole: bool
) -> Lost:
    """Documents that MongoDB knows and that have not ended, and uploads in the log that MongoDB hasn't heard of.

    Without `whole` only those whose uploads were in a log before the present one: an adoption that broke off has left
    them. Raises Transient, and LocalStackError where MongoDB doesn't answer.
    """
    lost = Lost()
    adopted = facts.look.adopted.get(UPLOADS_RECEIVED.name)
    incarnation = adopted.incarnation if adopted else 0
    documents = [_document(row) for row in await asyncio.to_thread(lambda: list(stores.unfinished_documents()))]
    stranded = [document for document in documents if whole or incarnation_of(document.version) < incarnation]
    if not (stranded or whole):
        return lost
    uploads = await _uploads(connection, facts)
    for document in sorted(stranded, key=lambda document: document.updated_at):
        if document.document_id in uploads and uploads[document.document_id][1] > document.version:
            continue  # it was uploaded again already
        event = deletion_of(document) if document.state in DELETIONS else content_of(document)
        await _sort(lost, event, _known_as(document.document_id, document.name or document.filename), objects)
    versions = await asyncio.to_thread(stores.versions) if whole else {}
    for event, version in uploads.values() if whole else ():
        if versions.get(event.document_id, -1) < version:
            await _sort(lost, event, _known_as(event.document_id, event.name or event.filename), objects)
    return lost


def _document(row: Mapping[str, object]) -> Document:
    return Document.model_validate({**row, "document_id": row["_id"]})


def _known_as(document_id: str, name: str | None) -> str:
    return f"{document_id} ({name})" if name else document_id


async def _sort(lost: Lost, event: UploadReceived | None, known_as: str, objects: Objects) -> None:
    if event is not None and (event.operation is Operation.DELETE or await objects.has(event.s3_path)):
        lost.back.append(PutBack(event, known_as))
    else:
        lost.gone.append(known_as)


async def _uploads(connection: Connection, facts: Facts) -> dict[str, tuple[UploadReceived, int]]:
    """The newest of each document that the log holds, and its version."""
    kept = {partition: held for partition, held in facts.kept.items() if partition.topic == UPLOADS_RECEIVED.name}
    newest: dict[str, tuple[UploadReceived, int]] = {}
    starts: dict[Partition, int] = {partition: held.start for partition, held in kept.items()}
    ends = {partition: held.stop for partition, held in kept.items()}
    async with aclosing(read_from(connection, starts, ends)) as batches:
        async for records in batches:
            newest |= {event.document_id: (event, version) for event, version in filter(None, map(_upload, records))}
    return newest


def _upload(record: Record) -> tuple[UploadReceived, int] | None:
    """None of what ingest would refuse."""
    try:
        event = UploadReceived.model_validate_json(record.value or b"")
    except ValidationError:
        return None
    return event, event.base + record.first.offset
