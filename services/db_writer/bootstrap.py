"""Puts db_writer together: three pipelines that share only a producer, so that one store's outage is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from services.db_writer.handlers import Documents, Metrics, Readings, document_failed
from services.db_writer.keeper import LogKeeper
from services.db_writer.mongo import INDEXES, MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.progress import MongoProgress, MySqlProgress
from services.db_writer.readings import ReadingStore, collections
from services.db_writer.settings import DbWriterSettings
from services.db_writer.stored_logs import StoredLogs
from services.db_writer.stream_epochs import EpochKeeper
from shared.kafka.client import Connection, KafkaProducer
from shared.kafka.pipeline import Limits, Pipeline
from shared.runtime.consuming import consume_loop
from shared.runtime.health import Health
from shared.runtime.reporting import Reporter
from shared.runtime.service import Service
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams
from shared.streams.tables import tables
from shared.streams.topics import all_topics
from shared.tables import WindowTable
from shared.topics import (
    CHUNKS_PROCESSED,
    DOCUMENTS_STATUS,
    EMBEDDINGS_READY,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
)

NAME = "db_writer"
BATCHES_WAITING = 4
DOCUMENT_TOPICS = (DOCUMENTS_STATUS, CHUNKS_PROCESSED, EMBEDDINGS_READY)


@asynccontextmanager
async def build(settings: DbWriterSettings) -> AsyncIterator[Service]:
    streams = load_streams(settings.streams_dir)
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    producer = KafkaProducer(connection)
    mongo = MongoStore(settings.mongodb_url.get_secret_value(), settings.mongodb_database)
    mysql = MySqlStore(settings.mysql_url.get_secret_value())

    logs = LogKeeper(connection, all_topics(streams), StoredLogs(mongo.database))
    epochs = EpochKeeper(connection, streams, mysql)
    all_pipelines = pipelines(settings, streams, mongo, mysql)
    loops = [consume_loop(settings, connection, pipeline, producer) for pipeline in all_pipelines]
    checks = {"kafka": producer.probe, "mongodb": mongo.ping, "mysql": mysql.ping, "logs": logs.check}
    health = Health(NAME, loops, checks)
    reporter = Reporter(health, KafkaProducer(connection))
    try:
        jobs = (reporter.run, logs.run, epochs.run)
        yield Service(health, settings.health_host, settings.health_port, producer.start, loops, jobs)
    finally:
        await producer.stop()
        await mongo.close()
        await mysql.close()


def pipelines(
    settings: DbWriterSettings, streams: Sequence[Stream], mongo: MongoStore, mysql: MySqlStore
) -> tuple[Pipeline, Pipeline, Pipeline]:
    """Of documents, of window rows and of readings."""
    limits = _limits(settings, settings.write_batch_records, settings.write_concurrency)
    fast_limits = _limits(settings, settings.metrics_batch_records, settings.metrics_concurrency)
    return (
        documents_pipeline(mongo, limits),
        metrics_pipeline(mysql, tables(streams), fast_limits),
        readings_pipeline(ReadingStore(mongo), collections(streams), limits),
    )


def documents_pipeline(store: MongoStore, limits: Limits) -> Pipeline:
    handler, group = Documents(store).handle, f"{NAME}.documents"
    progress = MongoProgress(store.database, group, tuple(INDEXES))
    return Pipeline(NAME, group, DOCUMENT_TOPICS, handler, document_failed, limits, progress=progress)


def metrics_pipeline(store: MySqlStore, allowed: Mapping[str, WindowTable], limits: Limits) -> Pipeline:
    handler, group = Metrics(store, allowed).handle, f"{NAME}.metrics"
    progress = MySqlProgress(store, group, list(allowed.values()))
    return Pipeline(NAME, group, (PROCESSED_METRICS,), handler, limits=limits, progress=progress)


def readings_pipeline(store: ReadingStore, allowed: Collection[str], limits: Limits) -> Pipeline:
    handler, group = Readings(store, allowed).handle, f"{NAME}.readings"
    progress = MongoProgress(store.database, group, allowed)
    return Pipeline(NAME, group, (PROCESSED_READINGS,), handler, limits=limits, progress=progress)


def _limits(settings: DbWriterSettings, batch_records: int, concurrency: int) -> Limits:
    """Without lingering: while a batch is written, the next one gathers."""
    return Limits(
        concurrency=concurrency,
        batch_records=batch_records,
        buffer_records=BATCHES_WAITING * batch_records,
        drain=settings.drain_seconds,
    )
