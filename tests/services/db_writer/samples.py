"""Events of small documents, and messages as the consume loop hands them over."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared.contracts.base import Event
from shared.contracts.chunks import ChunkProcessed, EmbeddingReady
from shared.contracts.costs import EmbeddingCost
from shared.contracts.documents import Counts, DocumentStatus, Stage, State
from shared.kafka.records import Emit, Message, Partition, Record

E = TypeVar("E", bound=Event)
Documents = dict[str, Any]
RECEIVED_AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
FIRST_RECORD_MS = 1_767_323_046_000


def _part(document: str, version: int, index: int, count: int, content: str, *, chunker: str) -> dict[str, Any]:
    return {
        "chunk_id": ":".join(filter(None, (document, content or str(version), chunker, str(index)))),
        "document_id": document,
        "company_id": "acme",
        "version": version,
        "content_sha256": content or f"content of {version}",
        "chunk_index": index,
        "chunk_count": count,
        "received_at": RECEIVED_AT,
        "chunker": chunker,
    }


def chunk(
    document: str = "d", version: int = 1, index: int = 0, count: int = 1, content: str = "", *, chunker: str = ""
) -> ChunkProcessed:
    """Without `content` every version has another one, hence other chunk ids; each chunker has its own, too."""
    part = _part(document, version, index, count, content, chunker=chunker)
    return ChunkProcessed(**part, text=f"text {index} as of {version}", page=2, heading_path=("A", "B"))


COST = EmbeddingCost(tokens=7, cache_hits=1, rate_limited=2, wait_seconds=0.5)


def vector(
    document: str = "d", version: int = 1, index: int = 0, count: int = 1, content: str = "", *, chunker: str = ""
) -> EmbeddingReady:
    part = _part(document, version, index, count, content, chunker=chunker)
    return EmbeddingReady(**part, vector=struct.pack("<2f", index, version), model="m", dimensions=2, cost=COST)


def chunks(document: str, version: int, count: int, content: str = "", chunker: str = "") -> list[ChunkProcessed]:
    return [chunk(document, version, index, count, content, chunker=chunker) for index in range(count)]


def vectors(document: str, version: int, count: int, content: str = "", chunker: str = "") -> list[EmbeddingReady]:
    return [vector(document, version, index, count, content, chunker=chunker) for index in range(count)]


def status(
    state: State,
    stage: Stage = Stage.DB_WRITER,
    *,
    document: str = "d",
    version: int = 1,
    count: int = 1,
    chunker: str | None = None,
) -> DocumentStatus:
    return DocumentStatus(
        document_id=document,
        company_id="acme",
        version=version,
        state=state,
        stage=stage,
        counts=Counts(chunks=count, vectors=count) if state is State.COMPLETE else Counts(),
        at=RECEIVED_AT + timedelta(seconds=version),
        content_sha256=f"content of {version}",
        received_at=RECEIVED_AT,
        chunker=chunker,
    )


def messages(events: Sequence[E], offset: int = 0) -> list[Message[E]]:
    """Each a second later than the one before."""
    return [
        Message(Record(Partition("t", 0), place, FIRST_RECORD_MS + 1000 * place, b"k", b""), event)
        for place, event in enumerate(events, offset)
    ]


def said(emits: Sequence[Emit]) -> list[DocumentStatus]:
    return [emit.event for emit in emits if isinstance(emit.event, DocumentStatus)]
