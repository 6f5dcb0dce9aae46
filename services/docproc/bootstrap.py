"""Puts docproc together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.docproc.folders import Folders
from services.docproc.handlers import Docproc, failed
from services.docproc.pool import AT_ONCE, ParserPool
from services.docproc.settings import DocprocSettings
from shared.kafka.client import Connection, KafkaProducer
from shared.kafka.pipeline import Limits, Pipeline
from shared.objects import Objects
from shared.runtime.consuming import consume_loop
from shared.runtime.health import Health
from shared.runtime.reporting import Reporter
from shared.runtime.service import Service
from shared.topics import DOCUMENTS_RAW

NAME = "docproc"
FETCHED_OR_STORED = 3
"""Documents beyond those that the parsers have: what they need is fetched, or what came of them stored, meanwhile."""
TURNS = AT_ONCE + FETCHED_OR_STORED
"""So many documents, itself included, may take their whole time before one that waits for a parser is read."""
PATIENCE_S = 300
"""For all that a document takes beside that."""


@asynccontextmanager
async def build(settings: DocprocSettings) -> AsyncIterator[Service]:
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    objects = Objects(settings.object_store_url)
    producer = KafkaProducer(connection)
    options = settings.pool_options()
    with Folders() as folders:
        async with ParserPool(options) as pool:
            handler = Docproc(objects, pool, folders, options.chunking.fingerprint).handle
            limits = _limits(settings)
            pipeline = Pipeline(NAME, NAME, (DOCUMENTS_RAW,), handler, failed, limits)
            loop = consume_loop(settings, connection, pipeline, producer)
            health = Health(NAME, (loop,), {"kafka": producer.probe, "object store": objects.probe})
            reporter = Reporter(health, KafkaProducer(connection))
            try:
                yield Service(
                    health, settings.health_host, settings.health_port, producer.start, (loop,), (reporter.run,)
                )
            finally:
                await producer.stop()


def _limits(settings: DocprocSettings) -> Limits:
    return Limits(
        concurrency=AT_ONCE * settings.parse_workers + FETCHED_OR_STORED,
        drain=settings.drain_seconds,
        patience=TURNS * settings.parse_deadline_seconds + PATIENCE_S,
    )
