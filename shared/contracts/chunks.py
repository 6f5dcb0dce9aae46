"""`chunks.processed` and `embeddings.ready`: the pieces of a document, and their vectors."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from datetime import datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from shared.contracts.base import Event, Instant, ObjectPath
from shared.contracts.costs import Bill, EmbeddingCost
from shared.contracts.documents import Counts, DocumentStatus, Reason, Stage, State
from shared.contracts.kinds import Kind


def _vector_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"vector is not base64: {error}") from None
    if isinstance(value, list | tuple):
        try:
            return struct.pack(f"<{len(value)}f", *value)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"vector holds what is not a float32: {error}") from None
    raise ValueError("vector must be base64 of little-endian float32, or a list of numbers")


Vector = Annotated[
    bytes,
    BeforeValidator(_vector_bytes),
    PlainSerializer(lambda raw: base64.b64encode(raw).decode("ascii"), return_type=str, when_used="json"),
]


class Part(Event):
    """What a chunk and its vector have in common.

    `chunk_count` is how many the version has in all, as cut by this `chunker`: the fingerprint that is part of the
    chunk_id. `s3_path` is where the version's original lies. Messages that were written before there were these fields
    have none.
    """

    chunk_id: str
    document_id: str
    company_id: str
    version: int = Field(ge=0)
    content_sha256: str
    chunk_index: int = Field(ge=0)
    chunk_count: int = Field(ge=1)
    received_at: Instant
    chunker: str = ""
    s3_path: ObjectPath | None = None

    @model_validator(mode="after")
    def _index_below_count(self) -> Self:
        if self.chunk_index >= self.chunk_count:
            raise ValueError(f"chunk_index {self.chunk_index} is not below chunk_count {self.chunk_count}")
        return self


def status_of_part(
    part: Part,
    state: State,
    stage: Stage,
    at: datetime,
    *,
    counts: Counts | None = None,
    reason: Reason | None = None,
    bill: Bill | None = None,
) -> DocumentStatus:
    """The status of the version that a chunk or vector belongs to."""
    return DocumentStatus(
        document_id=part.document_id,
        company_id=part.company_id,
        version=part.version,
        state=state,
        stage=stage,
        counts=counts or Counts(),
        reason=reason,
        at=at,
        content_sha256=part.content_sha256,
        received_at=part.received_at,
        s3_path=part.s3_path,
        chunker=part.chunker or None,
        bill=bill or Bill(),
    )


class ChunkProcessed(Part):
    """Keyed by document_id. `char_start` and `char_end` are a half-open range in the extracted text, in code points.

    `text` is what is in that range, but for later parts of a table: they have the table's head and a line end in front
    of it. `text_sha256` is the SHA-256 of `text` in UTF-8, in hex: equal texts have equal vectors.
    """

    text: str = Field(min_length=1)
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    char_start: int = Field(default=0, ge=0)
    char_end: int = Field(default=0, ge=0)
    token_count: int | None = None
    kind: Kind = Kind.TEXT
    text_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class EmbeddingReady(Part):
    """Keyed by document_id. `vector` holds `dimensions` float32 in little-endian order; JSON carries it as base64.

    `cost` is this vector's share; messages of older releases have none.
    """

    vector: Vector
    model: str
    dimensions: int = Field(ge=1)
    cost: EmbeddingCost | None = None

    @model_validator(mode="after")
    def _vector_fits(self) -> Self:
        if len(self.vector) != 4 * self.dimensions:
            raise ValueError(
                f"vector has {len(self.vector)} bytes, {self.dimensions} dimensions need {4 * self.dimensions}"
            )
        if not all(map(math.isfinite, struct.unpack(f"<{self.dimensions}f", self.vector))):
            raise ValueError("vector holds a number that is not finite")
        return self
