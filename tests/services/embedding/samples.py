"""Messages as the consume loop hands them over."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.contracts.chunks import ChunkProcessed
from shared.kafka.records import Message, Partition, Record
from shared.topics import CHUNKS_PROCESSED

RECEIVED_AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)


def chunk(index: int = 0, count: int = 1, *, document: str = "d1", version: int = 7, text: str = "") -> ChunkProcessed:
    return ChunkProcessed(
        chunk_id=f"{document}-{version}-{index}",
        document_id=document,
        company_id="acme",
        version=version,
        content_sha256="ab" * 32,
        chunk_index=index,
        chunk_count=count,
        received_at=RECEIVED_AT,
        chunker="f1",
        text=text or f"text number {index} of {document}",
    )


def message(event: ChunkProcessed, offset: int = 0) -> Message[ChunkProcessed]:
    value = event.model_dump_json().encode()
    record = Record(Partition(CHUNKS_PROCESSED.name, 0), offset, 1_767_000_000_000, event.document_id.encode(), value)
    return Message(record, event)
