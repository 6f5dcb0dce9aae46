"""From an event to its window: sends events to declared streams, and takes the time until a row counts them.

An event is in its window when a row arrives whose count includes it: on the topic `processed.metrics.v1` (every event),
and in MySQL (a sample, by asking for the row until it is there).
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pymysql

from benchmarks.console import say
from compose.local.outcome import connect_mysql
from shared.kafka.client import Connection, KafkaProducer, KafkaTail
from shared.kafka.records import Outgoing
from shared.topics import PROCESSED_METRICS
from tests.waiting import until

RATE = 2_000
MOVIES = 10_000
SINGLES = 40
PACE_S = 0.02
SAMPLE_EVERY_S = 0.1
ASK_EVERY_S = 0.005
PATIENCE_S = 120.0
NOT_NEEDED = [
    word for name in ("ingest", "docproc", "embedding", "api_gateway", "dashboard") for word in ("--scale", f"{name}=0")
]
"""Options of `cauce up`: events are written straight to their topics."""

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
"""For `mode`, `realtime` or `micro_batch`."""

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
    newest: float = 0.0
    """When the latest of the events that were seen in their windows was sent."""
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
        if new:
            self.latencies.topic += [(now - sent) * 1000 for sent in new]
            self.missing -= len(new)
            self.seen[key] = count
            self.newest = max(self.newest, new[-1])


class Bench:
    """One producer, one reader of the rows, one connection to MySQL; an asynchronous context manager."""

    def __init__(self, connection: Connection, mysql_url: str, modes: Sequence[str]) -> None:
        self._producer = KafkaProducer(connection)
        self._tail = KafkaTail(connection, PROCESSED_METRICS.name)
        self._mysql = connect_mysql(mysql_url)
        self._mysql.autocommit(True)
        self._over = threading.Event()
        self.sent = {mode: Sent() for mode in modes}
        self._tables = {f"bench_{mode}_1m": sent for mode, sent in self.sent.items()}

    async def __aenter__(self) -> Self:
        await self._tail.start(time.time())
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()  # a thread may still be asking MySQL, and the program would wait for it
        self._reading.cancel()
        await self._tail.stop()
        await self._producer.stop()
        self._mysql.close()

    async def measure(self, mode: str, sending: Awaitable[None], what: str) -> Latencies:
        """Of the events that `sending` sends, once each is in its window."""
        sent = self.sent[mode]
        sent.latencies = Latencies()
        say(f"  {mode}: {what}")
        await sending
        await until(lambda: not sent.missing, seconds=PATIENCE_S)
        return sent.latencies

    async def _read(self) -> None:
        async for batch in self._tail.records():
            for record in batch:
                row = json.loads(record.value or b"{}")
                if sent := self._tables.get(row.get("_table_name")):
                    sent.row((row["movieId"], _milliseconds(row["window_start"])), row["count"])

    async def singly(self, mode: str) -> None:
        """One event after the other, each when the one before is in MySQL."""
        for _ in range(SINGLES):
            key, number, value = self.sent[mode].event()
            began = time.perf_counter()
            await self._send(mode, [value])
            await self._ask_mysql(mode, key, number, began)
            await asyncio.sleep(random.uniform(0.05, 0.15))

    async def at_rate(self, mode: str, seconds: float, ended: asyncio.Event | None = None) -> None:
        """`RATE` events a second, evenly, a handful every `PACE_S`; MySQL is asked about some of them beside it. For so
        long, or until `ended`."""
        began = asked = time.perf_counter()
        asking: asyncio.Task[None] | None = None
        sent = 0
        async with asyncio.TaskGroup() as group:
            while (now := time.perf_counter()) < began + seconds and not (ended and ended.is_set()):
                events = [self.sent[mode].event() for _ in range(int((now - began) * RATE) - sent)]
                sent += len(events)
                group.create_task(self._send(mode, [value for _, _, value in events]))
                if events and now > asked + SAMPLE_EVERY_S and (asking is None or asking.done()):
                    key, number, _ = events[-1]
                    asking, asked = group.create_task(self._ask_mysql(mode, key, number, now)), now
                await asyncio.sleep(PACE_S)

    async def _send(self, mode: str, values: Sequence[bytes]) -> None:
        await self._producer.publish([Outgoing(f"bench.{mode}", value[10:16], value) for value in values])

    async def _ask_mysql(self, mode: str, key: Key, number: int, began: float) -> None:
        await asyncio.to_thread(_until_counted, self._mysql, f"bench_{mode}_1m", key, number, self._over)
        self.sent[mode].latencies.mysql.append((time.perf_counter() - began) * 1000)


def _until_counted(
    connection: pymysql.Connection[Any], table: str, key: Key, number: int, over: threading.Event
) -> None:
    """Asked often, the server would be measured with its questions: they were a quarter of its work at every 2 ms."""
    start = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(key[1] / 1000))
    query = f"SELECT `count` FROM {table} WHERE window_start = %s AND movieId = %s"
    deadline = time.perf_counter() + PATIENCE_S
    with connection.cursor() as cursor:
        while not over.is_set() and time.perf_counter() < deadline:
            cursor.execute(query, (start, key[0]))
            found = cursor.fetchone()
            if found and found[0] >= number:
                return
            over.wait(ASK_EVERY_S)
    raise RuntimeError(f"{table}: no row counts the event after {PATIENCE_S:g} s")


def _milliseconds(text: str) -> int:
    return int(time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone) * 1000


def show(title: str, rounds: Sequence[Latencies]) -> None:
    """Quantiles over all rounds, and the range of the rounds' medians."""
    say(f"\n{title}: from the event to its window, in ms")
    for where, values in (("topic", [one.topic for one in rounds]), ("MySQL", [one.mysql for one in rounds])):
        together = sorted(value for part in values for value in part)
        medians = [statistics.median(part) for part in values]
        cuts = statistics.quantiles(together, n=1000, method="inclusive")
        say(
            f"  {where:<6} p50 {cuts[499]:8.1f}  p95 {cuts[949]:8.1f}  p99 {cuts[989]:8.1f}  p99.9 {cuts[998]:8.1f}"
            f"  max {together[-1]:8.1f}   {len(together)} events,"
            f" medians of the rounds {min(medians):.1f} to {max(medians):.1f}"
        )
