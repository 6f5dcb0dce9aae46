"""`python -m streaming.training FILE`: makes the archive of Spark's classes that later starts map into memory.

Each start of Spark reads and checks some 20,000 classes, mostly the same. Here they are used as a fleet uses them, by
every query of the shipped streams with a few events on real topics, and the JVM writes what it has loaded (AppCDS).
Another JVM, or other jars, make the archive useless and never wrong: Java then reads the classes as ever.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, offset_ranges
from shared.kafka.records import Outgoing
from shared.runtime.service import run_once
from shared.streams.declaration import Mode, Stream
from shared.streams.generators.models import model_for
from shared.streams.loading import load_streams
from shared.streams.plan import Kind, QueryPlan, query_plans, slots
from shared.streams.topics import all_topics, input_topic
from shared.topics import PROCESSED_METRICS
from streaming.queries import Query, start
from streaming.session import make_jvm, spark_session
from streaming.settings import Settings

EVENTS = 20
LONGEST_S = 90.0
WRITING_S = 180.0
"""The archive is written at the JVM's end."""
_LOOK_EVERY_S = 0.5


async def make(settings: Settings, archive: Path) -> None:
    """Needs a broker that has nothing else to do. Raises Transient where the windows don't come, Fatal without Java."""
    streams = [stream for stream in load_streams() if stream.mode is Mode.REALTIME]
    connection = Connection(settings.kafka_bootstrap_servers, "training")
    await _prepare(connection, streams)
    await asyncio.to_thread(_train, settings, streams, connection, archive)


async def _prepare(connection: Connection, streams: Sequence[Stream]) -> None:
    async with KafkaAdmin(connection) as admin:
        for topic in all_topics(streams):
            await admin.create(topic, 1)
    producer = KafkaProducer(connection)
    times = [int(time.time() * 1000)] * EVENTS
    try:
        for stream in streams:
            events = [json.dumps(event).encode() for event in model_for(stream, 1).events(times)]
            await producer.publish([Outgoing(input_topic(stream).name, b"training", event) for event in events])
    finally:
        await producer.stop()


def _train(settings: Settings, streams: Sequence[Stream], connection: Connection, archive: Path) -> None:
    plans = [plan for stream in streams for plan in query_plans(stream)]
    with tempfile.TemporaryDirectory(prefix="cauce-training-", ignore_cleanup_errors=True) as folder:
        writing = f"{settings.streaming_java_options} -XX:ArchiveClassesAtExit={archive}"
        here = {"checkpoint_url": f"file://{folder}/checkpoints", "streaming_java_options": writing}
        ours = settings.model_copy(update=here | {"spark_class_archive": None})
        jvm = make_jvm(ours, Path(folder), slots(streams, ours.streaming_shuffle_partitions), stop_deadline_s=WRITING_S)
        with spark_session(jvm) as session, ThreadPoolExecutor(len(plans)) as pool:
            queries = list(pool.map(lambda plan: _start(session, plan, ours), plans))
            try:
                asyncio.run(_windows(connection, sum(plan.kind is Kind.WINDOWS for plan in plans)))
            finally:
                list(pool.map(lambda query: query.stop(), queries))


def _start(session: SparkSession, plan: QueryPlan, settings: Settings) -> StreamingQuery:
    return start(session, Query(plan, epoch=1), settings)


async def _windows(connection: Connection, at_least: int) -> None:
    """Until so many rows came out. Raises Transient."""
    deadline = time.monotonic() + LONGEST_S
    rows = 0
    while rows < at_least:
        if time.monotonic() > deadline:
            raise Transient(f"{rows} window rows of {at_least} came out within {LONGEST_S:g} s")
        await asyncio.sleep(_LOOK_EVERY_S)
        kept = await offset_ranges(connection, [PROCESSED_METRICS.name])
        rows = sum(held.stop for held in kept.values())


def main() -> None:
    archive = Path(sys.argv[1]).absolute()
    run_once("training", Settings, lambda settings: make(settings, archive))


if __name__ == "__main__":
    main()
