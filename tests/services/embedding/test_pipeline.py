"""The embedding pipeline on the in-memory transport, with a provider that refuses one text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from services.embedding.embedder import Embedded, Keep, keep_nothing
from services.embedding.handlers import Embedding, failed
from shared.contracts.chunks import EmbeddingReady
from shared.contracts.documents import DocumentStatus
from shared.errors import Code, Permanent, Transient
from shared.kafka.loop import ConsumeLoop
from shared.kafka.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from shared.kafka.pipeline import Limits, Pipeline
from shared.kafka.records import Outgoing
from shared.kafka.retry import RetryPolicy
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_STATUS, EMBEDDINGS_READY
from tests.services.embedding.samples import chunk


class Choosy:
    """Refuses every batch that has "bad" in it; is away for its first `outages` calls."""

    model = "choosy"

    def __init__(self, outages: int = 0) -> None:
        self.outages = outages
        self.sizes: list[int] = []

    async def embed(self, texts: Sequence[str], keep: Keep = keep_nothing) -> Embedded:
        self.sizes.append(len(texts))
        if self.outages:
            self.outages -= 1
            raise Transient("away")
        if "bad" in texts:
            raise Permanent(Code.EMBEDDING_REJECTED, "refused")
        return Embedded(np.ones((len(texts), 2), dtype="<f4"))


async def run(embedder: Choosy, texts: list[str], until: Callable[[MemoryBroker], bool]) -> MemoryBroker:
    names = (CHUNKS_PROCESSED.name, CHUNKS_PROCESSED.dlq.name, EMBEDDINGS_READY.name, DOCUMENTS_STATUS.name)
    broker = MemoryBroker(dict.fromkeys(names, 1))
    for place, text in enumerate(texts):
        event = chunk(place, len(texts), text=text)
        broker.append(Outgoing(CHUNKS_PROCESSED.name, b"d1", event.model_dump_json().encode()))
    limits = Limits(batch_records=64, linger=0.005, concurrency=2)
    retry = RetryPolicy(first_wait=0.01, longest_wait=0.02)
    handler = Embedding(embedder).handle
    pipeline = Pipeline("embedding", "embedding", (CHUNKS_PROCESSED,), handler, failed, limits, retry)
    consumer = MemoryConsumer(broker, "embedding", [CHUNKS_PROCESSED.name])
    loop = ConsumeLoop(pipeline, consumer, MemoryProducer(broker))
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(10):
        while not until(broker):  # noqa: ASYNC110 any write may be the one
            await asyncio.sleep(0.01)
    loop.stop()
    await running
    return broker


async def test_one_refused_text_costs_no_other() -> None:
    """A batch with a refused text is halved until it is alone: the others get vectors, it gets a dead letter."""
    texts = [f"text {place}" for place in range(20)]
    texts[13] = "bad"
    broker = await run(Choosy(), texts, lambda seen: len(seen.read(EMBEDDINGS_READY.name)) == 19)
    (letter,) = broker.read(CHUNKS_PROCESSED.dlq.name)
    assert letter.header("dlq_error_code") == b"embedding_rejected"
    events = [EmbeddingReady.model_validate_json(r.value or b"") for r in broker.read(EMBEDDINGS_READY.name)]
    assert [event.chunk_index for event in events] == [place for place in range(20) if place != 13]
    told = [DocumentStatus.model_validate_json(r.value or b"") for r in broker.read(DOCUMENTS_STATUS.name)]
    assert [status.state for status in told] == ["failed", "processing"]


async def test_an_outage_costs_nothing() -> None:
    """While the provider is away nothing is published or dead-lettered; then everything is, in whole batches."""
    embedder = Choosy(outages=3)
    broker = await run(embedder, ["a", "b", "c"], lambda seen: len(seen.read(EMBEDDINGS_READY.name)) == 3)
    assert broker.read(CHUNKS_PROCESSED.dlq.name) == []
    assert embedder.sizes == [3, 3, 3, 3]
