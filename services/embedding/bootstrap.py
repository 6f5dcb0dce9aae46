"""Puts embedding together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openai import AsyncOpenAI

from services.embedding.batching import RequestLimits
from services.embedding.cache import VectorCache
from services.embedding.embedder import Embedder
from services.embedding.handlers import Embedding, failed
from services.embedding.local import WordLlamaEmbedder
from services.embedding.remembering import Remembering
from services.embedding.remote import PATIENCE, OpenAIEmbedder
from services.embedding.settings import EmbeddingSettings
from services.embedding.throttle import Throttle
from shared.kafka.client import Connection, KafkaProducer
from shared.kafka.pipeline import Limits, Pipeline
from shared.runtime.consuming import consume_loop
from shared.runtime.health import Health
from shared.runtime.reporting import Reporter
from shared.runtime.service import Service
from shared.topics import CHUNKS_PROCESSED

NAME = "embedding"
BATCHES = {"wordllama": (64, 4), "openai": (256, 8)}
"""Records of a batch, and batches at once, unless they are set."""
BUFFER_RECORDS = 2_000
BATCHES_WAITING = 4
PATIENCE_WITH_A_BATCH = 3_600.0
"""Seconds: under a small grant, a batch waits long for its turn, and is not stuck."""


@asynccontextmanager
async def build(settings: EmbeddingSettings) -> AsyncIterator[Service]:
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    producer = KafkaProducer(connection)
    async with embedder(settings) as model:
        pipeline = Pipeline(NAME, NAME, (CHUNKS_PROCESSED,), Embedding(model).handle, failed, limits(settings))
        loop = consume_loop(settings, connection, pipeline, producer)
        try:
            health = Health(NAME, (loop,), {"kafka": producer.probe})
            reporter = Reporter(health, KafkaProducer(connection))
            yield Service(health, settings.health_host, settings.health_port, producer.start, (loop,), (reporter.run,))
        finally:
            await producer.stop()


def limits(settings: EmbeddingSettings) -> Limits:
    """A processor is given little at a time; an API answers late, and is asked for much meanwhile."""
    batch_records, concurrency = BATCHES[settings.embedding_provider]
    batch_records = settings.embedding_batch_records or batch_records
    return Limits(
        concurrency=settings.embedding_concurrency or concurrency,
        batch_records=batch_records,
        linger=settings.embedding_linger_seconds,
        buffer_records=max(BUFFER_RECORDS, BATCHES_WAITING * batch_records),
        drain=settings.drain_seconds,
        patience=PATIENCE_WITH_A_BATCH,
    )


@asynccontextmanager
async def embedder(settings: EmbeddingSettings) -> AsyncIterator[Embedder]:
    """The provider that the settings name, with what it has been asked before where there is a folder for it."""
    async with _provider(settings) as model:
        if settings.embedding_cache_dir is None:
            yield model
            return
        cache = VectorCache(settings.embedding_cache_dir, settings.embedding_cache_bytes)
        source, dimensions = "wordllama", None
        if settings.embedding_provider == "openai":
            source, dimensions = settings.openai_base_url, settings.embedding_dimensions
        try:
            yield Remembering(model, cache, source, dimensions)
        finally:
            await cache.close()


@asynccontextmanager
async def _provider(settings: EmbeddingSettings) -> AsyncIterator[Embedder]:
    """An API that is away shows as an outage of the loop in `/ready`."""
    if settings.embedding_provider == "wordllama":
        yield WordLlamaEmbedder()
        return
    async with AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value() if settings.openai_api_key else None,
        base_url=settings.openai_base_url,
        timeout=settings.embedding_timeout_seconds,
        max_retries=0,
    ) as client:
        yield OpenAIEmbedder(
            client,
            settings.embedding_model,
            settings.embedding_dimensions,
            deadline=settings.embedding_timeout_seconds,
            limits=RequestLimits(
                settings.embedding_request_inputs, settings.embedding_request_tokens, settings.embedding_input_tokens
            ),
            throttle=Throttle(settings.embedding_requests_at_once, patience=PATIENCE),
        )
