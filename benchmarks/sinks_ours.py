"""db_writer's own pipelines as `services/db_writer/bootstrap.py` builds them, in a group of their own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from pydantic import SecretStr

from benchmarks.sinks_work import DATABASE, KINDS, Place, place
from services.db_writer.bootstrap import pipelines
from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.settings import DbWriterSettings
from shared.kafka.client import Connection, KafkaProducer
from shared.kafka.pipeline import Pipeline
from shared.runtime.consuming import consume_loop
from shared.streams.loading import load_streams


async def run(where: Place) -> None:
    settings = DbWriterSettings(
        kafka_bootstrap_servers=where.servers,
        mysql_url=SecretStr(where.mysql_url),
        mongodb_url=SecretStr(where.mongodb_url),
        mongodb_database=DATABASE,
        streams_dir=where.streams,
    )
    connection = Connection(where.servers, "db_writer")
    mongo, mysql = MongoStore(where.mongodb_url, DATABASE), MySqlStore(where.mysql_url)
    found = pipelines(settings, load_streams(where.streams), mongo, mysql)
    pipeline = replace(next(one for one in found if reads(one, where.kind)), group=where.group)
    await consume_loop(settings, connection, pipeline, KafkaProducer(connection)).run()


def reads(pipeline: Pipeline, kind: str) -> bool:
    return KINDS[kind].topic in pipeline.topics


if __name__ == "__main__":
    asyncio.run(run(place()))
