"""Puts ingest together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.ingest.handlers import Ingest, failed
from services.ingest.settings import IngestSettings
from shared.kafka.client import Connection, KafkaProducer
from shared.kafka.pipeline import Limits, Pipeline
from shared.objects import Objects
from shared.runtime.consuming import consume_loop
from shared.runtime.health import Health
from shared.runtime.reporting import Reporter
from shared.runtime.service import Service
from shared.topics import UPLOADS_RECEIVED

NAME = "ingest"


@asynccontextmanager
async def build(settings: IngestSettings) -> AsyncIterator[Service]:
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    objects = Objects(settings.object_store_url)
    producer = KafkaProducer(connection)
    limits = Limits(concurrency=settings.ingest_concurrency, drain=settings.drain_seconds)
    pipeline = Pipeline(NAME, NAME, (UPLOADS_RECEIVED,), Ingest(objects).handle, failed, limits)
    loop = consume_loop(settings, connection, pipeline, producer)
    health = Health(NAME, (loop,), {"kafka": producer.probe, "object store": objects.probe})
    reporter = Reporter(health, KafkaProducer(connection))
    try:
        yield Service(health, settings.health_host, settings.health_port, producer.start, (loop,), (reporter.run,))
    finally:
        await producer.stop()
