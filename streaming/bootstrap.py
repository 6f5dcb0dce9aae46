"""Puts the Spark application together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from shared.errors import Lasting, Transient
from shared.kafka.client import Connection, KafkaProducer
from shared.runtime.health import Check, Counts, Health
from shared.runtime.metrics import total
from shared.runtime.reporting import Reporter
from shared.runtime.service import Service
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams
from shared.streams.plan import query_plans, slots
from shared.streams.topics import input_topic
from streaming import metrics, untimely
from streaming.archive import ArchivedTopic, archived_topics
from streaming.control import Control
from streaming.driver import Driver
from streaming.logs import Logs
from streaming.progress import Pulse
from streaming.runner import Runner
from streaming.settings import Settings
from streaming.turns import Turns, after

NAME = "streaming"
_LOOK_EVERY_S = 0.1


@dataclass(slots=True)
class QueriesHealth(Health):
    """Live while each query is heard of: with each batch, while its tasks run, with each attempt of a failing one."""

    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    stall_limit_s: float = 180.0

    def live(self) -> dict[str, str]:
        stalled = {name: pulse for name, pulse in self.pulses.items() if pulse.overdue_s > self.stall_limit_s}
        return {name: f"no progress for {pulse.silence_s:.0f} s" for name, pulse in stalled.items() if self.started}

    def counts(self) -> Counts:
        """By what Spark tells at the end of a batch. What it writes it doesn't count."""
        return Counts(
            records_in=total(metrics.ROWS),
            records_out=0,
            retries=total(metrics.FAILURES),
            dead_letters=total(metrics.REFUSED),
        )


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Service]:
    streams = load_streams(settings.streams_dir)
    plans = [plan for stream in streams for plan in query_plans(stream)]
    archived = archived_topics(streams, settings)
    pulses = {plan.name: Pulse(every_s=plan.trigger.total_seconds()) for plan in plans}
    turns = Turns(plans, pulses)
    # One that waits for its turn is as it should be.
    every_s = settings.archive_trigger.total_seconds()
    pulses |= {one.query_name: Pulse(ready=True, problem="", every_s=every_s) for one in archived}
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    producer = KafkaProducer(connection)
    needed = slots(streams, settings.streaming_shuffle_partitions, [one.topic for one in archived])
    driver = Driver(settings, pulses, needed)
    readers = _readers(streams, archived)
    logs = Logs(connection, sorted(readers))
    runner = Runner(
        driver, connection, producer, pulses, logs=logs, catch_up_records=settings.streaming_catch_up_records
    )
    control = Control(streams, connection, runner.halt)
    health = QueriesHealth(
        NAME,
        checks={name: _running(pulse) for name, pulse in pulses.items()},
        pulses=pulses,
        stall_limit_s=settings.streaming_stall_limit.total_seconds(),
        warners=[lambda: untimely.warnings({name: pulse.untimely for name, pulse in pulses.items()})],
    )
    try:
        yield Service(
            health=health,
            host=settings.health_host,
            port=settings.health_port,
            prepare=partial(_prepare, driver, pulses.values(), settings.streaming_start_after),
            jobs=[
                control.watch,
                partial(logs.watch, lambda topic: _halt(runner, readers[topic])),
                Reporter(health, KafkaProducer(connection)).run,
                *(partial(after, turns.of(plan), partial(runner.run, plan, control)) for plan in plans),
                *(partial(after, turns.archive, partial(runner.run_archive, one)) for one in archived),
            ],
            on_stop=runner.stop,
        )
    finally:
        await driver.close()
        await producer.stop()


def _readers(streams: Sequence[Stream], archived: Sequence[ArchivedTopic]) -> dict[str, list[str]]:
    """Of each topic: the streams and the archives whose queries read it, as `Runner.halt` calls them."""
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for stream in streams:
        readers[input_topic(stream).name].append(stream.name)
    for one in archived:
        readers[one.topic.name].append(one.query_name)
    return dict(readers)


def _halt(runner: Runner, readers: Sequence[str]) -> None:
    for reader in readers:
        runner.halt(reader)


async def _prepare(driver: Driver, pulses: Iterable[Pulse], start_after: Path | None) -> None:
    """Spark's own start needs neither topics nor a broker, and takes as long as theirs."""
    await driver.start()
    # Another process makes it.
    while start_after is not None and not await asyncio.to_thread(start_after.exists):  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY_S)
    for pulse in pulses:
        pulse.begin()


def _running(pulse: Pulse) -> Check:
    async def check() -> None:
        if not pulse.ready:
            raise Lasting(pulse.problem) if pulse.lasting else Transient(pulse.problem)

    return check
