"""`--init`: indexes, tables and views as they are declared, as often as one likes."""

from __future__ import annotations

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_random_exponential

from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.readings import collections
from services.db_writer.settings import DbWriterSettings
from shared.errors import Transient
from shared.streams.loading import load_streams
from shared.streams.tables import tables

log = structlog.get_logger()


async def initialise(settings: DbWriterSettings) -> None:
    """Waits for stores that are still starting.

    Raises Transient with the last error when the patience is over, and Fatal where something must not change.
    """
    streams = load_streams(settings.streams_dir)
    mongo = MongoStore(settings.mongodb_url.get_secret_value(), settings.mongodb_database)
    mysql = MySqlStore(settings.mysql_url.get_secret_value())
    try:
        async for attempt in _attempts(settings.init_patience_seconds):
            with attempt:
                await mongo.create_indexes(collections(streams))
                await mysql.apply_schema(list(tables(streams).values()))
    finally:
        await mongo.close()
        await mysql.close()
    log.info("indexes, tables and views are there")


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
    log.warning("waiting for a store", error=str(error), attempt=state.attempt_number)
