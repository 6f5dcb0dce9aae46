"""What the gateway asks of the store of documents and chunks; `mongo.py` is the real one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from shared.contracts.documents import Stage, State
from shared.contracts.kinds import Kind
from shared.contracts.topics import StoredLog
from shared.documents import Document


class DocumentPlace(NamedTuple):
    """Where a page of documents ended."""

    received_at: datetime | None
    document_id: str


class Content(NamedTuple):
    """One content as cut by one chunker. Without `chunker` it is the content by whichever, which nobody wrote down."""

    content_sha256: str
    chunker: str = ""


class ChunkPlace(NamedTuple):
    """Where a page of chunks ended."""

    chunk_index: int
    chunk_id: str


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as readers see it. `char_start` and `char_end` are a half-open range in the extracted text.

    `text_sha256` is None where an older release wrote the chunk.
    """

    chunk_id: str
    chunk_index: int
    chunk_count: int
    text: str
    page: int | None
    heading_path: tuple[str, ...]
    char_start: int
    char_end: int
    token_count: int | None
    kind: Kind = Kind.TEXT
    text_sha256: str | None = None

    @property
    def place(self) -> ChunkPlace:
        return ChunkPlace(self.chunk_index, self.chunk_id)


@dataclass(frozen=True, slots=True)
class Totals:
    """Documents of one company: how many are in each state, and where those are that are under way."""

    by_state: Mapping[State, int]
    in_flight: Mapping[Stage, int]
    completed: int


class DocumentStore(Protocol):
    """Reads only. Every method raises Transient where the store does not answer within seconds."""

    async def ping(self) -> None:
        """Returns when the store answers."""

    async def document(self, document_id: str) -> Document | None:
        """Of whichever company: the caller compares."""

    async def documents(
        self, company_id: str, state: State | None, after: DocumentPlace | None, limit: int
    ) -> Sequence[Document]:
        """The newest first, by `received_at`; those without one last. Deleted ones only where `state` asks for them."""

    async def chunks(
        self, document_id: str, content: Content, after: ChunkPlace | None, limit: int
    ) -> Sequence[StoredChunk]:
        """The chunks of one content, in the order of the text."""

    async def needed(self, paths: Collection[str]) -> set[str]:
        """Those of these objects that are the newest content of a document, or the one that readers see."""

    async def stored_log(self, topic: str) -> StoredLog | None:
        """The topic that the contents came from, as their writer has noted it; None before it did."""

    async def totals(self, company_id: str, since: datetime) -> Totals:
        """`completed`: those whose last change was their completion, at `since` or later."""
