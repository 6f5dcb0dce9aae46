"""What the API answers with: its own models, so that the events inside may change without the callers' noticing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from services.api_gateway.store import StoredChunk
from shared.contracts.base import Instant
from shared.contracts.costs import Bill
from shared.contracts.documents import Counts, DocumentStatus, Reason, Stage, State
from shared.contracts.kinds import Kind
from shared.documents import Document, rank
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_RAW, DOCUMENTS_STATUS, EMBEDDINGS_READY, UPLOADS_RECEIVED, Topic

_ID = "0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT = "2026-01-02T03:04:05.678Z"


def _with_dead_letters(*topics: Topic) -> tuple[Topic, ...]:
    return tuple(one for topic in topics for one in (topic, topic.dlq))


OF_DOCUMENTS = _with_dead_letters(UPLOADS_RECEIVED, DOCUMENTS_RAW, CHUNKS_PROCESSED, EMBEDDINGS_READY, DOCUMENTS_STATUS)
"""The topics that tell of documents, or hold their text."""
SEGMENT = timedelta(days=7)
"""Kafka's default `segment.ms`: it deletes whole segments, once the newest record in them is past the retention."""


def path_of(document_id: str) -> str:
    return f"/documents/{quote(document_id, safe='')}"


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class LinksView(View):
    """Paths on this server."""

    self: str = Field(examples=[f"/documents/{_ID}"])
    chunks: str = Field(examples=[f"/documents/{_ID}/chunks"])
    text: str = Field(examples=[f"/documents/{_ID}/text"])
    events: str = Field(examples=[f"/documents/{_ID}/events"])

    @classmethod
    def of(cls, document_id: str) -> LinksView:
        path = path_of(document_id)
        return cls(self=path, chunks=f"{path}/chunks", text=f"{path}/text", events=f"{path}/events")


class AcceptedView(View):
    """The upload is stored and announced. What becomes of it can be read at `status_url`, from now on."""

    document_id: str = Field(examples=[_ID])
    version: int = Field(examples=[42], description="orders the contents of one document; greater is newer")
    state: State = Field(examples=["received"])
    status_url: str = Field(examples=[f"/documents/{_ID}"])
    events_url: str = Field(examples=[f"/documents/{_ID}/events"])
    sha256: str = Field(examples=[_SHA256])
    size_bytes: int = Field(examples=[48213])
    filename: str = Field(examples=["report.pdf"])
    name: str | None = Field(default=None, examples=["reports/2026/q1"])

    @classmethod
    def of(cls, status: DocumentStatus, size_bytes: int, filename: str) -> AcceptedView:
        links = LinksView.of(status.document_id)
        return cls(
            document_id=status.document_id,
            version=status.version,
            state=status.state,
            status_url=links.self,
            events_url=links.events,
            sha256=status.content_sha256,
            size_bytes=size_bytes,
            filename=filename,
            name=status.name,
        )


class DeletingView(View):
    """The deletion is announced. What it removed can be read at `status_url` when `state` is `deleted` there."""

    document_id: str = Field(examples=[_ID])
    version: int = Field(examples=[43], description="everything of the document before this one goes")
    state: State = Field(examples=["deleting"])
    status_url: str = Field(examples=[f"/documents/{_ID}"])

    @classmethod
    def of(cls, document_id: str, version: int, state: State) -> DeletingView:
        return cls(document_id=document_id, version=version, state=state, status_url=path_of(document_id))


class CountsView(View):
    """What is known so far; null where it isn't known yet, or the format has no pages."""

    pages: int | None = Field(default=None, examples=[3])
    chunks: int | None = Field(default=None, examples=[17])
    vectors: int | None = Field(default=None, examples=[17])

    @classmethod
    def of(cls, counts: Counts) -> CountsView:
        return cls(**counts.model_dump())


class ParsingCostView(View):
    """What docproc spent on the document."""

    pages: int | None = Field(default=None, examples=[3])
    bytes: int = Field(examples=[48213])
    cpu_seconds: float = Field(examples=[0.041], description="of parsing and chunking, OCR included")


class EmbeddingCostView(View):
    """What embedding spent on all chunks: each has its share of the requests that it was part of."""

    tokens: int = Field(examples=[2140], description="given to the model; none for a vector from the cache")
    cache_hits: int = Field(examples=[4], description="chunks whose vector was known")
    rate_limited: int = Field(examples=[0], description="answers of the provider that there was too much (HTTP 429)")
    wait_seconds: float = Field(examples=[0.0], description="in which requests waited for the provider's limits")


class BillView(View):
    """What this version cost, by stage, as each said first; null until then."""

    docproc: ParsingCostView | None = None
    embedding: EmbeddingCostView | None = None

    @classmethod
    def of(cls, bill: Bill) -> BillView:
        return cls.model_validate(bill.model_dump())


class ReasonView(View):
    """Why the document failed: `code` for programs, `message` for people."""

    code: str = Field(examples=["encrypted"])
    message: str = Field(examples=["the PDF is protected by a password: remove it and upload the file again"])

    @classmethod
    def of(cls, reason: Reason | None) -> ReasonView | None:
        return cls(code=reason.code, message=reason.message) if reason else None


class MomentView(View):
    """When a stage was done with a version for the first time."""

    version: int = Field(examples=[42])
    stage: Stage = Field(examples=["docproc"])
    state: State = Field(examples=["processing"])
    at: Instant = Field(examples=[_AT])


class CurrentView(View):
    """The newest complete content: what readers see while a newer version is on its way."""

    version: int = Field(examples=[42])
    sha256: str = Field(examples=[_SHA256])
    counts: CountsView


class RemainsView(View):
    """A topic that may still hold what was written of the document before it was deleted."""

    topic: str = Field(examples=["chunks.processed"])
    until: Instant = Field(examples=["2026-02-08T03:04:05.678Z"], description="by then Kafka has deleted it")


class ReceiptView(View):
    """What a deletion removed, and what is left for a while. An archive, where one is kept, is not in it."""

    objects: int = Field(examples=[1], description="stored files, of all versions that were known")
    chunks: int = Field(examples=[17], description="rows of MongoDB")
    vectors: int = Field(examples=[17], description="rows of MongoDB")
    remains: tuple[RemainsView, ...]

    @classmethod
    def of(cls, document: Document) -> ReceiptView | None:
        receipt = document.receipt
        if receipt is None or document.state is not State.DELETED:
            return None
        held = ((topic.name, document.updated_at + topic.retention + SEGMENT) for topic in OF_DOCUMENTS)
        remains = (RemainsView(topic=topic, until=until) for topic, until in held)
        return cls(**receipt.model_dump(), remains=tuple(remains))


class DocumentView(View):
    """A document as of now. `state` and `reason` are those of its newest `version`."""

    document_id: str = Field(examples=[_ID])
    name: str | None = Field(default=None, examples=["reports/2026/q1"])
    filename: str | None = Field(default=None, examples=["report.pdf"])
    media_type: str | None = Field(
        default=None, examples=["application/pdf"], description="as found in the bytes; null until they were looked at"
    )
    size_bytes: int | None = Field(default=None, examples=[48213])
    sha256: str = Field(examples=[_SHA256])
    version: int = Field(examples=[42])
    state: State = Field(examples=["complete"])
    stage: Stage = Field(examples=["db_writer"])
    counts: CountsView
    bill: BillView
    reason: ReasonView | None = None
    warnings: tuple[str, ...] = Field(
        default=(),
        examples=[["Pages without a text layer, left out: 3, 4"]],
        description="what of this version could not be read",
    )
    notice: str | None = Field(default=None, description="what is wrong elsewhere that may have stopped this version")
    received_at: Instant | None = Field(default=None, examples=[_AT])
    updated_at: Instant = Field(examples=[_AT])
    timeline: tuple[MomentView, ...]
    current: CurrentView | None = None
    receipt: ReceiptView | None = Field(default=None, description="of a document that was deleted")
    links: LinksView

    @classmethod
    def of(cls, document: Document, notice: str | None = None) -> DocumentView:
        return cls(
            document_id=document.document_id,
            name=document.name,
            filename=document.filename,
            media_type=document.media_type,
            size_bytes=document.size_bytes,
            sha256=document.content_sha256,
            version=document.version,
            state=document.state,
            stage=document.stage,
            counts=CountsView.of(document.counts),
            bill=BillView.of(document.bill),
            reason=ReasonView.of(document.reason),
            warnings=document.warnings,
            notice=notice,
            received_at=document.received_at,
            updated_at=document.updated_at,
            timeline=_timeline(document),
            current=_current(document),
            receipt=ReceiptView.of(document),
            links=LinksView.of(document.document_id),
        )


def _timeline(document: Document) -> tuple[MomentView, ...]:
    """In the order of the work: statuses of different stages may arrive in another."""
    moments = sorted(document.timeline, key=lambda moment: (moment.version, rank(moment.state, moment.stage)))
    return tuple(MomentView(**moment.model_dump()) for moment in moments)


def _current(document: Document) -> CurrentView | None:
    if (edition := document.current) is None:
        return None
    return CurrentView(version=edition.version, sha256=edition.content_sha256, counts=CountsView.of(edition.counts))


class DocumentPage(View):
    """`next_cursor` is null on the last page."""

    documents: tuple[DocumentView, ...]
    next_cursor: str | None = Field(default=None, examples=["WyIyMDI2LTAxLTAyVDAzOjA0OjA1LjY3OCswMDowMCJd"])


class ChunkView(View):
    """A piece of the text. `char_start` and `char_end` are a half-open range in the extracted text, in code points.

    `text` is what is in that range; later parts of a table have the table's head in front of it.
    """

    chunk_id: str = Field(examples=["5b0a4d4e-6a26-5d6f-8f41-0b9d2f0c7b7e"])
    chunk_index: int = Field(examples=[0])
    text: str = Field(examples=["Sales rose by 4 % in the first quarter."])
    page: int | None = Field(default=None, examples=[1], description="null where the format has no pages")
    heading_path: tuple[str, ...] = Field(default=(), examples=[["Report", "Sales"]])
    char_start: int = Field(examples=[0])
    char_end: int = Field(examples=[39])
    token_count: int | None = Field(default=None, examples=[12])
    kind: Kind = Field(default=Kind.TEXT, examples=["text"])
    text_sha256: str | None = Field(default=None, examples=[_SHA256], description="of `text` in UTF-8")

    @classmethod
    def of(cls, chunk: StoredChunk) -> ChunkView:
        return cls(
            chunk_id=chunk.chunk_id,
            chunk_index=chunk.chunk_index,
            text=chunk.text,
            page=chunk.page,
            heading_path=chunk.heading_path,
            char_start=chunk.char_start,
            char_end=chunk.char_end,
            token_count=chunk.token_count,
            kind=chunk.kind,
            text_sha256=chunk.text_sha256,
        )


class ChunkPage(View):
    """Chunks of the current content, in the order of the text; none before the first complete version."""

    document_id: str = Field(examples=[_ID])
    version: int | None = Field(default=None, examples=[42], description="of the content that the chunks belong to")
    sha256: str | None = Field(default=None, examples=[_SHA256])
    total: int | None = Field(default=None, examples=[17])
    chunks: tuple[ChunkView, ...]
    next_cursor: str | None = Field(default=None, examples=["WyI5Zjg2ZDA4MSIsMTksImlkIl0"])


def chunk_page(document: Document, chunks: Sequence[StoredChunk], next_cursor: str | None) -> ChunkPage:
    edition = document.current
    return ChunkPage(
        document_id=document.document_id,
        version=edition.version if edition else None,
        sha256=edition.content_sha256 if edition else None,
        total=edition.counts.chunks if edition else None,
        chunks=tuple(map(ChunkView.of, chunks)),
        next_cursor=next_cursor,
    )


class ProblemView(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["urn:cauce:problem:too_large"])
    title: str = Field(examples=["Request Entity Too Large"])
    status: int = Field(examples=[413])
    detail: str = Field(examples=["a file may have at most 104857600 bytes"])
    instance: str | None = Field(default=None, examples=["/upload"], description="missing where it could not be read")
    code: str = Field(examples=["too_large"], description="for programs; never changes its meaning")


_TOLD = {
    400: "the request or its body can't be read",
    401: "no API key, or one that isn't known",
    403: "this needs the key of an operator",
    404: "there is no such thing here, or it belongs to another company",
    408: "nothing, or too little, arrived for too long",
    409: "it can't be done with this one, or not any more",
    413: "the body is too large",
    415: "the body is of a kind, or packed in a way, that is not read here",
    422: "the request makes no sense as it is",
    431: "the address and the header are too large together",
    429: "too much is under way already: try again after `Retry-After` seconds",
    503: "something that is needed is away: try again after `Retry-After` seconds",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of these problem responses, for OpenAPI."""
    schema = ProblemView.model_json_schema()
    content = {"application/problem+json": {"schema": schema}}
    return {status: {"description": _TOLD[status], "content": content} for status in statuses}
