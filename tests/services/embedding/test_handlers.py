from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from services.embedding.embedder import Asked, Embedded, Keep, keep_nothing
from services.embedding.handlers import Embedding, failed
from shared.contracts.chunks import EmbeddingReady
from shared.contracts.costs import EmbeddingCost
from shared.contracts.documents import DocumentStatus, Stage, State
from shared.errors import Code
from shared.kafka.deadletters import Failure
from shared.kafka.records import Emit, Message
from shared.runtime import metrics
from shared.topics import DOCUMENTS_STATUS, EMBEDDINGS_READY
from tests.redriven import redriven
from tests.services.embedding.samples import RECEIVED_AT, chunk, message


class Lengths:
    """An embedder whose vectors say how long each text is."""

    model = "lengths"

    async def embed(self, texts: Sequence[str], keep: Keep = keep_nothing) -> Embedded:
        vectors = np.array([[len(text), 1.0] for text in texts], dtype="<f4")
        return Embedded(vectors, [Asked(range(len(texts)), sum(map(len, texts)))])


def statuses(emits: Sequence[Emit]) -> list[DocumentStatus]:
    return [emit.event for emit in emits if isinstance(emit.event, DocumentStatus)]


async def test_every_chunk_gets_its_own_vector() -> None:
    """A batch across documents gives one event per chunk, in order, with the chunk's fields and the text's vector."""
    chunks = [chunk(0, 9, text="one"), chunk(1, 9, text="three"), chunk(0, 9, document="d2", text="seventy")]
    emits = (await Embedding(Lengths()).handle([message(event, place) for place, event in enumerate(chunks)])).emits
    assert [emit.topic for emit in emits] == [EMBEDDINGS_READY] * 3
    for emit, event, length in zip(emits, chunks, (3, 5, 7), strict=True):
        assert isinstance(emit.event, EmbeddingReady)
        carried = emit.event.model_dump(exclude={"vector", "model", "dimensions", "cost"})
        assert carried == event.model_dump(include=set(carried))
        assert np.frombuffer(emit.event.vector, "<f4").tolist() == [length, 1.0]
        assert (emit.event.model, emit.event.dimensions) == ("lengths", 2)
        assert emit.event.cost == EmbeddingCost(tokens=length)


async def test_the_last_chunk_brings_the_status() -> None:
    """Per document version one status is published, after its vectors and with their number."""
    batch = [message(chunk(place, 3), place) for place in range(3)] + [message(chunk(0, 2, document="d2"), 3)]
    emits = (await Embedding(Lengths()).handle(batch)).emits
    assert emits[-1].topic is DOCUMENTS_STATUS
    assert emits[-1].cause is batch[2].record
    (status,) = statuses(emits)
    assert (status.document_id, status.version, status.counts.vectors) == ("d1", 7, 3)
    assert (status.state, status.stage) == (State.PROCESSING, Stage.EMBEDDING)
    assert (status.content_sha256, status.received_at, status.chunker) == ("ab" * 32, RECEIVED_AT, "f1")


def test_a_failure_is_told() -> None:
    """The status that goes with a dead letter names the code and the sentence for a person."""
    failure = Failure(Code.EMBEDDING_REJECTED, "the API refuses the text", 1, datetime.now(UTC))
    (status,) = statuses(failed(message(chunk(1, 3)), failure))
    assert (status.state, status.stage) == (State.FAILED, Stage.EMBEDDING)
    assert status.reason is not None
    assert (status.reason.code, status.reason.message) == ("embedding_rejected", "the API refuses the text")


async def test_a_redriven_chunk_brings_a_status() -> None:
    """Whichever it is of its version: the failure before is over. How many vectors there are it can't know."""
    one = message(chunk(1, 3))
    again = Message(redriven(one.record), one.event)
    emits = (await Embedding(Lengths()).handle([again])).emits
    (status,) = statuses(emits)
    assert (status.state, status.source, status.attempt) == (State.PROCESSING, one.record.position, 1)
    assert status.counts.vectors is None
    failure = Failure(Code.EMBEDDING_REJECTED, "the API refuses the text", 1, datetime.now(UTC))
    (status,) = statuses(failed(again, failure))
    assert (status.source, status.attempt) == (one.record.position, 1)


async def test_what_it_cost_is_counted() -> None:
    """The tokens that the model was given, and where each vector came from."""
    before = metrics.total(metrics.EMBEDDING_TOKENS), metrics.total(metrics.EMBEDDING_CHUNKS)
    chunks = [chunk(place, 3, text="12345") for place in range(3)]
    await Embedding(Lengths()).handle([message(event, place) for place, event in enumerate(chunks)])
    assert metrics.total(metrics.EMBEDDING_TOKENS) - before[0] == 15
    assert metrics.total(metrics.EMBEDDING_CHUNKS) - before[1] == 3
