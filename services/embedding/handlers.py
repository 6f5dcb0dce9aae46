"""Chunks of any documents in, their vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from services.embedding.embedder import Embedder, Vectors
from services.embedding.usage import costs_of
from shared.contracts.chunks import ChunkProcessed, EmbeddingReady, status_of_part
from shared.contracts.costs import EmbeddingCost
from shared.contracts.documents import Counts, Reason, Stage, State
from shared.documents import about
from shared.kafka.deadletters import Failure
from shared.kafka.pipeline import Handled
from shared.kafka.records import Emit, Message
from shared.runtime import metrics
from shared.topics import DOCUMENTS_STATUS, EMBEDDINGS_READY


class Embedding:
    """Embeds a batch with one call, whatever documents its chunks belong to."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def handle(self, batch: Sequence[Message[ChunkProcessed]]) -> Handled:
        """One vector per chunk; after a document's last chunk also its status, and after each that was redriven.

        A document's chunks come in order, so that when the last one is here the others are done or in this batch.
        """
        chunks = [message.event for message in batch]
        embedded = await self._embedder.embed([chunk.text for chunk in chunks])
        costs = costs_of(chunks, embedded)
        self._account(costs)
        ready = [self._ready(message, embedded.vectors, row, costs[row]) for row, message in enumerate(batch)]
        told = (message for message in batch if _is_last(message.event) or message.record.redrives)
        return Handled([*ready, *map(_embedded, told)])

    def _account(self, costs: Sequence[EmbeddingCost]) -> None:
        hits = sum(cost.cache_hits for cost in costs)
        metrics.EMBEDDING_CHUNKS.labels(self._embedder.model, "cache").inc(hits)
        metrics.EMBEDDING_CHUNKS.labels(self._embedder.model, "model").inc(len(costs) - hits)
        metrics.EMBEDDING_TOKENS.labels(self._embedder.model).inc(sum(cost.tokens for cost in costs))

    def _ready(self, message: Message[ChunkProcessed], vectors: Vectors, row: int, cost: EmbeddingCost) -> Emit:
        chunk = message.event
        event = EmbeddingReady(
            chunk_id=chunk.chunk_id,
            document_id=chunk.document_id,
            company_id=chunk.company_id,
            version=chunk.version,
            content_sha256=chunk.content_sha256,
            chunk_index=chunk.chunk_index,
            chunk_count=chunk.chunk_count,
            received_at=chunk.received_at,
            chunker=chunk.chunker,
            s3_path=chunk.s3_path,
            vector=vectors[row].astype("<f4").tobytes(),
            model=self._embedder.model,
            dimensions=vectors.shape[1],
            cost=cost,
        )
        return Emit(EMBEDDINGS_READY, event, message.record)


def _is_last(chunk: ChunkProcessed) -> bool:
    return chunk.chunk_index == chunk.chunk_count - 1


def _embedded(message: Message[ChunkProcessed]) -> Emit:
    counts = Counts(vectors=message.event.chunk_count if _is_last(message.event) else None)
    status = status_of_part(message.event, State.PROCESSING, Stage.EMBEDDING, datetime.now(UTC), counts=counts)
    return Emit(DOCUMENTS_STATUS, about(status, message.record), message.record)


def failed(message: Message[ChunkProcessed], failure: Failure) -> Sequence[Emit]:
    """The status that goes with the dead letter of a chunk: without one vector the version can't be complete."""
    reason = Reason(code=failure.code.value, message=failure.told)
    status = status_of_part(message.event, State.FAILED, Stage.EMBEDDING, datetime.now(UTC), reason=reason)
    return (Emit(DOCUMENTS_STATUS, about(status, message.record), message.record),)
