"""`--init`: indexes, tables and views as they are declared, and what the stores know of Kafka's logs, as often as one
likes."""

from __future__ import annotations

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_random_exponential

from services.db_writer.keeper import LogKeeper, TopicsMissing
from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.readings import collections
from services.db_writer.settings import DbWriterSettings
from services.db_writer.stored_logs import StoredLogs
from services.db_writer.stream_epochs import EpochKeeper
from shared.errors import Transient
from shared.kafka.client import Connection
from shared.streams.loading import load_streams
from shared.streams.tables import tables
from shared.streams.topics import all_topics

log = structlog.get_logger()


async def initialise(settings: DbWriterSettings) -> None:
    """Waits for stores and a broker that are still starting, and for the topics to be applied.

    Raises Transient with the last error when the patience is over, and Fatal where something must not change. Topics
    that are still missing then, or that the stores' contents didn't come from, are said and no error: the services say
    it too, and for that they must start.
    """
    streams = load_streams(settings.streams_dir)
    connection = Connection(settings.kafka_bootstrap_servers, "db_writer-init")
    mongo = MongoStore(settings.mongodb_url.get_secret_value(), settings.mongodb_database)
    mysql = MySqlStore(settings.mysql_url.get_secret_value())
    logs = LogKeeper(connection, all_topics(streams), StoredLogs(mongo.database))
    epochs = EpochKeeper(connection, streams, mysql)
    try:
        async for attempt in _attempts(settings.init_patience_seconds):
            with attempt:
                await mongo.create_indexes(collections(streams))
                await mysql.apply_schema(list(tables(streams).values()))
        log.info("indexes, tables and views are there")
        await _keep(settings.init_patience_seconds, logs, epochs)
    finally:
        await mongo.close()
        await mysql.close()


async def _keep(patience: float, logs: LogKeeper, epochs: EpochKeeper) -> None:
    try:
        async for attempt in _attempts(patience):
            with attempt:
                await logs.keep_once()
        async for attempt in _attempts(patience):
            with attempt:
                await epochs.keep_once()
    except TopicsMissing as error:
        log.warning("the topics are not as declared", reason=str(error))


def _attempts(patience: float) -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(Transient),
        stop=stop_after_delay(patience),
        wait=wait_random_exponential(multiplier=0.2, max=3),
        before_sleep=_say_why,
        reraise=True,
    )


def _say_why(state: RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    log.warning("waiting for a dependency", error=str(error), attempt=state.attempt_number)
