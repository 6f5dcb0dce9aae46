"""Puts db_writer together: two pipelines that share only a producer, so that one store's outage is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.db_writer.handlers import Documents, Metrics, document_failed
from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.settings import DbWriterSettings
from shared.kafka.client import Connection, KafkaConsumer, KafkaProducer
from shared.kafka.loop import ConsumeLoop
from shared.kafka.pipeline import Limits, Pipeline
from shared.runtime.health import Health
from shared.runtime.service import Service
from shared.tables import TABLES
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_STATUS, EMBEDDINGS_READY, PROCESSED_METRICS

NAME = "db_writer"
DOCUMENT_TOPICS = (DOCUMENTS_STATUS, CHUNKS_PROCESSED, EMBEDDINGS_READY)


@asynccontextmanager
async def build(settings: DbWriterSettings) -> AsyncIterator[Service]:
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    producer = KafkaProducer(connection)
    mongo = MongoStore(settings.mongodb_url.get_secret_value(), settings.mongodb_database)
    mysql = MySqlStore(settings.mysql_url.get_secret_value())

    def loop(pipeline: Pipeline) -> ConsumeLoop:
        topics = [topic.name for topic in pipeline.topics]
        consumer = KafkaConsumer(connection, pipeline.group, topics, drain=settings.drain_seconds)
        return ConsumeLoop(pipeline, consumer, producer)

    loops = (loop(documents_pipeline(mongo, _limits(settings))), loop(metrics_pipeline(mysql, _limits(settings))))
    health = Health(NAME, loops, {"kafka": producer.probe, "mongodb": mongo.ping, "mysql": mysql.ping})
    try:
        yield Service(health, settings.health_host, settings.health_port, producer.start, loops)
    finally:
        await producer.stop()
        await mongo.close()
        await mysql.close()


def documents_pipeline(store: MongoStore, limits: Limits) -> Pipeline:
    handler = Documents(store).handle
    return Pipeline(NAME, f"{NAME}.documents", DOCUMENT_TOPICS, handler, document_failed, limits)


def metrics_pipeline(store: MySqlStore, limits: Limits) -> Pipeline:
    handler = Metrics(store, TABLES).handle
    return Pipeline(NAME, f"{NAME}.metrics", (PROCESSED_METRICS,), handler, limits=limits)


def _limits(settings: DbWriterSettings) -> Limits:
    return Limits(
        concurrency=settings.write_concurrency,
        batch_records=settings.write_batch_records,
        drain=settings.drain_seconds,
    )
