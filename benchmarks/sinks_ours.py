"""db_writer as a service, with one of its pipelines, in a group of its own; its settings come from the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from benchmarks.sinks_work import KINDS, Place, place
from services.db_writer.bootstrap import NAME, pipelines
from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.settings import DbWriterSettings
from shared.kafka.client import Connection, KafkaProducer
from shared.runtime.consuming import consume_loop
from shared.runtime.health import Health
from shared.runtime.service import Service, main
from shared.streams.loading import load_streams


@asynccontextmanager
async def build(where: Place, settings: DbWriterSettings) -> AsyncIterator[Service]:
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    producer = KafkaProducer(connection)
    mongo = MongoStore(settings.mongodb_url.get_secret_value(), settings.mongodb_database)
    mysql = MySqlStore(settings.mysql_url.get_secret_value())
    found = pipelines(settings, load_streams(settings.streams_dir), mongo, mysql)
    pipeline = next(one for one in found if KINDS[where.kind].topic in one.topics)
    loop = consume_loop(settings, connection, replace(pipeline, group=where.group), producer)
    health = Health(NAME, (loop,), {})
    yield Service(health, settings.health_host, settings.health_port, producer.start, (loop,))


if __name__ == "__main__":
    main(NAME, DbWriterSettings, partial(build, place()))
