"""`make bench-windows`: how long an event takes to be in its window, in Real-Time Mode and in micro-batches.

Two streams that differ in nothing but their mode run in one fleet and are measured in turn, so that a machine that is
slow for a while is slow for both. An event is in its window when a row arrives whose count includes it: on the topic
`processed.metrics.v1` (every event), and in MySQL (a sample, by asking for the row until it is there).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql

from benchmarks.console import say
from benchmarks.drain import drain
from compose.local.outcome import connect_mysql
from shared.kafka.client import Connection, KafkaProducer, KafkaTail
from shared.kafka.records import Outgoing
from shared.streams.loading import load_stream
from shared.topics import PROCESSED_METRICS
from tests.fleet.harness import Fleet
from tests.waiting import until

RATE = 2_000
MOVIES = 10_000
ROUNDS = 3
SINGLES = 40
PACE_S = 0.02
SAMPLE_EVERY_S = 0.05
WARM_UP_S = 60.0
PATIENCE_S = 60.0
MODES = ("realtime", "micro_batch")
NOT_NEEDED = ("ingest", "docproc", "embedding", "api_gateway", "dashboard")

DECLARATION = """
name: bench.{mode}
topic: {{partitions: 3, retention: 1d, key: userId}}
event_time: {{field: timestamp, lateness: 1h}}
fields:
  userId: {{type: int, minimum: 1}}
  movieId: {{type: int, minimum: 1}}
  rating: {{type: double, minimum: 0.5, maximum: 5.0, multiple_of: 0.5}}
  timestamp: {{type: long, minimum: 1}}
mode: {mode}
windows:
  - table: bench_{mode}_1m
    size: 1m
    group_by: [movieId]
    select: {{count: count(*), avg_rating: avg(rating)}}
"""

Key = tuple[int, int]
"""A movie and the beginning of its window in ms."""


@dataclass
class Latencies:
    """Of one measurement, in milliseconds."""

    topic: list[float] = field(default_factory=list)
    mysql: list[float] = field(default_factory=list)


@dataclass
class Sent:
    """All events of one stream, since a window's count includes those of measurements before. Times in seconds of one
    clock."""

    at: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[Key, int] = field(default_factory=dict)
    missing: int = 0
    latencies: Latencies = field(default_factory=Latencies)

    def event(self) -> tuple[Key, int, bytes]:
        """A new event: its window, its number in it from 1, its bytes."""
        now, movie = int(time.time() * 1000), random.randint(1, MOVIES)
        value = {"userId": random.randint(1, 100_000), "movieId": movie, "rating": 3.5, "timestamp": now}
        key = (movie, now // 60_000 * 60_000)
        self.at[key].append(time.perf_counter())
        self.missing += 1
        return key, len(self.at[key]), json.dumps(value).encode()

    def row(self, key: Key, count: int) -> None:
        """Every event up to `count` that no row before included is in its window now."""
        now, before = time.perf_counter(), self.seen.get(key, 0)
        new = self.at.get(key, [])[before:count]
        self.latencies.topic += [(now - sent) * 1000 for sent in new]
        self.missing -= len(new)
        self.seen[key] = max(before, count)


class Bench:
    """One producer, one reader of the rows, one connection to MySQL."""

    def __init__(self, connection: Connection, mysql_url: str) -> None:
        self._producer = KafkaProducer(connection)
        self._tail = KafkaTail(connection, PROCESSED_METRICS.name)
        self._mysql = connect_mysql(mysql_url)
        self._mysql.autocommit(True)
        self._streams = {mode: Sent() for mode in MODES}
        self._sent, self._table = self._streams[MODES[0]], ""

    async def run(self, seconds: float, long_seconds: float) -> None:
        await self._tail.start(time.time())
        reading = asyncio.create_task(self._read())
        try:
            for mode in MODES:
                await self._measure(mode, self._at_rate(mode, WARM_UP_S), "warming up")
            results: dict[tuple[str, str], list[Latencies]] = defaultdict(list)
            for number in range(ROUNDS):
                for mode in MODES:
                    what = f"round {number + 1} of {ROUNDS}"
                    results[mode, "one"].append(await self._measure(mode, self._singly(mode), what))
                    results[mode, "rate"].append(await self._measure(mode, self._at_rate(mode, seconds), what))
            _report(results)
            if long_seconds:
                what = f"{long_seconds:g} s in one run, the ends of batches counted in"
                _show(
                    "realtime", [await self._measure("realtime", self._at_rate("realtime", long_seconds), what)], what
                )
        finally:
            reading.cancel()
            await self._tail.stop()
            await self._producer.stop()
            self._mysql.close()

    async def _measure(self, mode: str, sending: Any, what: str) -> Latencies:
        self._sent, self._table = self._streams[mode], f"bench_{mode}_1m"
        self._sent.latencies = Latencies()
        say(f"  {mode}: {what}")
        await sending
        await until(lambda: not self._sent.missing, seconds=PATIENCE_S)
        return self._sent.latencies

    async def _read(self) -> None:
        async for batch in self._tail.records():
            for record in batch:
                row = json.loads(record.value or b"{}")
                if row.get("_table_name") == self._table:
                    self._sent.row((row["movieId"], _milliseconds(row["window_start"])), row["count"])

    async def _singly(self, mode: str) -> None:
        for _ in range(SINGLES):
            key, number, value = self._sent.event()
            began = time.perf_counter()
            await self._send(mode, [value])
            await self._ask_mysql(key, number, began)
            await asyncio.sleep(random.uniform(0.05, 0.15))

    async def _at_rate(self, mode: str, seconds: float) -> None:
        """Evenly, a handful every `PACE_S`; MySQL is asked about some of them beside it."""
        began = asked = time.perf_counter()
        asking: asyncio.Task[None] | None = None
        sent = 0
        async with asyncio.TaskGroup() as group:
            while (now := time.perf_counter()) < began + seconds:
                events = [self._sent.event() for _ in range(int((now - began) * RATE) - sent)]
                sent += len(events)
                group.create_task(self._send(mode, [value for _, _, value in events]))
                if events and now > asked + SAMPLE_EVERY_S and (asking is None or asking.done()):
                    key, number, _ = events[-1]
                    asking, asked = group.create_task(self._ask_mysql(key, number, now)), now
                await asyncio.sleep(PACE_S)

    async def _send(self, mode: str, values: Sequence[bytes]) -> None:
        await self._producer.publish([Outgoing(f"bench.{mode}", value[10:16], value) for value in values])

    async def _ask_mysql(self, key: Key, number: int, began: float) -> None:
        await asyncio.to_thread(_until_counted, self._mysql, self._table, key, number)
        self._sent.latencies.mysql.append((time.perf_counter() - began) * 1000)


def _until_counted(connection: pymysql.Connection[Any], table: str, key: Key, number: int) -> None:
    start = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(key[1] / 1000))
    query = f"SELECT `count` FROM {table} WHERE window_start = %s AND movieId = %s"
    deadline = time.perf_counter() + PATIENCE_S
    with connection.cursor() as cursor:
        while time.perf_counter() < deadline:
            cursor.execute(query, (start, key[0]))
            found = cursor.fetchone()
            if found and found[0] >= number:
                return
            time.sleep(0.002)
    raise RuntimeError(f"{table}: no row counts the event after {PATIENCE_S:g} s")


def _milliseconds(text: str) -> int:
    return int(time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone) * 1000


def _report(results: dict[tuple[str, str], list[Latencies]]) -> None:
    for kind, title in (("one", "one event at a time"), ("rate", f"{RATE:,} events/s, {MOVIES:,} movies")):
        for mode in MODES:
            _show(mode, results[mode, kind], title)


def _show(mode: str, rounds: list[Latencies], title: str) -> None:
    say(f"\n{title}, {mode}: from the event to its window, in ms")
    for where, values in (("topic", [one.topic for one in rounds]), ("MySQL", [one.mysql for one in rounds])):
        together = sorted(value for part in values for value in part)
        medians = [statistics.median(part) for part in values]
        cuts = statistics.quantiles(together, n=1000, method="inclusive")
        say(
            f"  {where:<6} p50 {cuts[499]:8.1f}  p95 {cuts[949]:8.1f}  p99 {cuts[989]:8.1f}  p99.9 {cuts[998]:8.1f}"
            f"  max {together[-1]:8.1f}   {len(together)} events,"
            f" medians of the rounds {min(medians):.1f} to {max(medians):.1f}"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60.0, help="of each run at the full rate")
    options.add_argument("--long", type=float, default=360.0, help="seconds of the last run, which sees batches end")
    options.add_argument("--events", type=int, default=1_000_000, help="to drain; 0 leaves that out")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as folder:
        streams = Path(folder) / "streams"
        streams.mkdir()
        for mode in MODES:
            (streams / f"{mode}.yaml").write_text(DECLARATION.format(mode=mode))
        fleet = Fleet(Path(folder) / "fleet", {"CAUCE_STREAMS_DIR": str(streams)})
        say("starting a fleet: Kafka, MariaDB, Spark, db_writer")
        fleet.up(*(word for name in NOT_NEEDED for word in ("--scale", f"{name}=0")))
        try:
            endpoints = fleet.state.endpoints
            asyncio.run(Bench(fleet.kafka, endpoints.mysql_url).run(chosen.seconds, chosen.long))
            if chosen.events:
                drain(fleet, load_stream(streams / "realtime.yaml"), Path(folder), chosen.events)
        finally:
            fleet.down()


if __name__ == "__main__":
    main()
