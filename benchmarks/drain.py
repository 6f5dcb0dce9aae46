"""How fast a backlog is worked off: one window query over a topic that was filled before, in both of Spark's modes.

Cauce catches up in micro-batches (streaming/runner.py); Real-Time Mode is measured beside it on the same records.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from rich.console import Console

from benchmarks.console import say
from compose.local.jars import jar_set
from compose.local.progress import PlainFetching
from compose.local.settings import LocalSettings
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, offset_ranges
from shared.kafka.records import Outgoing
from shared.streams.declaration import Stream
from shared.streams.plan import Kind, query_plans, slots
from shared.streams.topics import input_topic
from shared.topics import PROCESSED_METRICS
from streaming.queries import Query, start, start_catching_up
from streaming.session import make_jvm, spark_session
from streaming.settings import Settings

MOVIES = 27_000
MINUTES = 10
BATCH = 5_000
ROUNDS = 3
Begin = Callable[[SparkSession, Query, Settings], StreamingQuery]


def drain(connection: Connection, stream: Stream, folder: Path, events: int) -> None:
    """Prints the rate of both modes, taken in turn, from Kafka to Kafka: nothing else must read what is written.

    `stream` is a declaration with one window per movie. Checkpoints go to `folder`.
    """
    asyncio.run(_fill(connection, stream, events))
    settings = Settings(
        kafka_bootstrap_servers=connection.bootstrap_servers,
        checkpoint_url=f"file://{folder}/checkpoints",
        spark_jars=tuple(jar_set("spark", LocalSettings(), PlainFetching(Console(stderr=True)))),
    )
    plan = next(plan for plan in query_plans(stream) if plan.kind is Kind.WINDOWS)
    rates: dict[str, list[float]] = {"micro-batch": [], "Real-Time Mode": []}
    with spark_session(make_jvm(settings, folder, slots([stream], settings.streaming_shuffle_partitions))) as session:
        for number in range(ROUNDS + 1):
            for mode, begin in (("micro-batch", start_catching_up), ("Real-Time Mode", start)):
                query = Query(replace(plan, name=f"drain-{number}-{mode[:5]}"), epoch=1)
                seconds = _drained(session, query, settings, begin=begin, events=events, connection=connection)
                say(f"  {mode}: {events:,} events in {seconds:.1f} s{'' if number else ' (warming up)'}")
                rates[mode] += [events / seconds] if number else []
    say(f"\ndraining {events:,} events, {MOVIES:,} movies, {MINUTES} windows each, in rows/s")
    for mode, values in rates.items():
        name = f"{mode}{' (how Cauce catches up)' if mode == 'micro-batch' else ''}"
        say(f"  {name:<38} median {statistics.median(values):10,.0f}   range {min(values):,.0f} to {max(values):,.0f}")


async def _fill(connection: Connection, stream: Stream, events: int) -> None:
    """As fast as possible; event times lie within the last minutes, so that no event is late."""
    async with KafkaAdmin(connection) as admin:
        await admin.create(input_topic(stream), 1)
    producer = KafkaProducer(connection)
    say(f"filling a topic with {events:,} events")
    for first in range(0, events, BATCH):
        values = [_event() for _ in range(min(BATCH, events - first))]
        await producer.publish([Outgoing(stream.topic_name, value[10:16], value) for value in values])
    await producer.stop()


def _event() -> bytes:
    at = int(time.time() * 1000) - random.randrange(MINUTES * 60_000)
    user, movie, rating = random.randint(1, 100_000), random.randint(1, MOVIES), random.randint(1, 10) / 2
    return f'{{"userId":{user},"movieId":{movie},"rating":{rating},"timestamp":{at}}}'.encode()


def _drained(
    session: SparkSession, query: Query, settings: Settings, *, begin: Begin, events: int, connection: Connection
) -> float:
    """Seconds until every event is in a row on the output topic: in Real-Time Mode that is one row for each."""
    before = asyncio.run(_written(connection))
    started = time.perf_counter()
    running = begin(session, query, settings)
    if begin is start_catching_up:
        running.awaitTermination()
        return time.perf_counter() - started
    while asyncio.run(_written(connection)) < before + events:
        if running.awaitTermination(1):
            raise RuntimeError(f"the query ended: {running.exception()}")
    seconds = time.perf_counter() - started
    running.stop()
    return seconds


async def _written(connection: Connection) -> int:
    return sum(held.stop for held in (await offset_ranges(connection, [PROCESSED_METRICS.name])).values())
