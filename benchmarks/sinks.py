"""`make bench-sinks`: how fast db_writer drains its topics into MariaDB and MongoDB, beside bare loops, in turn.

The same records, the same batches, by db_writer's own pipelines (with their loop, their checks and their ledger) and by
loops that were written by hand for nothing else, with one and with three batches in flight: into an empty store, where
all rows are new, and once more into the full one, where all are repeated. Each contender is a process of its own. The
rate is that of committed records, as the broker tells it, from the first tenth to the last, so that nobody's start-up
counts; then the rows are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pymysql
from pymongo import MongoClient

from benchmarks.console import say
from benchmarks.fleets import running, scratch
from benchmarks.latency import NOT_NEEDED
from benchmarks.sinks_work import COLLECTION, DATABASE, DECLARATION, KINDS, TABLE
from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer
from shared.mysql_address import MySqlAddress
from tests.fleet.harness import Fleet

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_SERVICES = ("--scale", "streaming=0", "--scale", "db_writer=0")
PATIENCE_S = 240.0
OURS, ONE, THREE = "Cauce's db_writer", "bare loop, one in flight", "bare loop, three in flight"
CONTENDERS = {OURS: ("sinks_ours",), ONE: ("sinks_bare",), THREE: ("sinks_bare", "--at-once", "3")}
NEW, KNOWN = "all new", "all repeated"
STORES = {"metrics": "MariaDB, window rows", "readings": "MongoDB, readings", "chunks": "MongoDB, chunks"}
AIM = 0.85


class Case(NamedTuple):
    """What was measured: which rows, whether they were there, who wrote them."""

    kind: str
    state: str
    name: str


Rates = dict[Case, list[float]]


class Bench:
    """A fleet without services, with its topics filled."""

    def __init__(self, fleet: Fleet, streams: Path, records: int) -> None:
        self._fleet = fleet
        self._streams = streams
        self._records = records
        self._runs = 0

    @property
    def _kafka(self) -> Connection:
        return self._fleet.kafka

    async def fill(self, kinds: list[str]) -> None:
        producer = KafkaProducer(self._kafka)
        for name in kinds:
            size = len(KINDS[name].record(self._records // 2).value or b"")
            say(f"filling `{KINDS[name].topic.name}` with {self._records:,} records of {size} B")
            for first in range(0, self._records, 5_000):
                numbers = range(first, min(first + 5_000, self._records))
                await producer.publish([KINDS[name].record(number) for number in numbers])
        await producer.stop()

    async def compare(self, kinds: list[str], rounds: int) -> Rates:
        """Records per second, by round; the first round, in which the page cache fills, does not count."""
        rates: Rates = {}
        for number, kind, name in product(range(rounds + 1), kinds, CONTENDERS):
            self._empty(kind)
            for state in (NEW, KNOWN):
                rate = await self._measure(Case(kind, state, name))
                say(f"  {f'round {number}' if number else 'warming up'}: {kind}, {state}: {name:<28}{rate:>9,.0f}/s")
                rates.setdefault(Case(kind, state, name), []).extend([rate] if number else [])
        return rates

    def _empty(self, kind: str) -> None:
        """Readings lose their readers' indexes, so that the writers are measured and not what one may index; without
        that of chunks db_writer couldn't tell when a version is complete."""
        endpoints = self._fleet.state.endpoints
        if kind == "metrics":
            _mysql(endpoints.mysql_url, f"TRUNCATE TABLE {TABLE}")
            return
        with MongoClient[dict[str, Any]](endpoints.mongodb_url) as client:
            collection = client[DATABASE][_collection(kind)]
            if kind == "readings":
                collection.drop()
            collection.delete_many({})

    async def _measure(self, case: Case) -> float:
        self._runs += 1
        group = f"bench.sinks.{self._runs}"
        with self._working(case, group) as process:
            rate = await self._rate(case, group, process)
        self._check(case.kind)
        return rate

    async def _rate(self, case: Case, group: str, process: subprocess.Popen[bytes]) -> float:
        begun: tuple[float, int] | None = None
        async with KafkaAdmin(self._kafka) as admin, asyncio.timeout(PATIENCE_S):
            while True:
                done, now = await _committed(admin, group), time.perf_counter()
                if begun is None and done >= self._records / 10:
                    begun = now, done
                if begun is not None and done == self._records:
                    return (done - begun[1]) / (now - begun[0])
                if process.poll() is not None:
                    sys.exit(f"{case.name} ended by itself, with exit code {process.returncode}")
                await asyncio.sleep(0.1)

    @contextmanager
    def _working(self, case: Case, group: str) -> Iterator[subprocess.Popen[bytes]]:
        module, *options = CONTENDERS[case.name]
        endpoints = self._fleet.state.endpoints
        words = [
            case.kind,
            self._kafka.bootstrap_servers,
            group,
            endpoints.mysql_url,
            endpoints.mongodb_url,
            *options,
            *(["--known"] if case.state == KNOWN else []),
        ]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", f"benchmarks.{module}", *words],
                cwd=ROOT,
                env=self._environment(),
                stdout=said,
                stderr=said,
            )
            try:
                yield process
            except BaseException:
                said.seek(0)
                sys.stderr.write(said.read().decode(errors="replace")[-4000:])
                raise
            finally:
                process.kill()
                process.wait()

    def _environment(self) -> dict[str, str]:
        endpoints = self._fleet.state.endpoints
        ours = {
            "KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            "CAUCE_MYSQL_URL": endpoints.mysql_url,
            "CAUCE_MONGODB_URL": endpoints.mongodb_url,
            "CAUCE_STREAMS_DIR": str(self._streams),
            "CAUCE_HEALTH_PORT": "0",
            "CAUCE_LOG_LEVEL": "warning",
        }
        return {**os.environ, **ours}

    def _check(self, kind: str) -> None:
        endpoints = self._fleet.state.endpoints
        if kind == "metrics":
            found = _mysql(endpoints.mysql_url, f"SELECT COUNT(*) FROM {TABLE}")[0][0]
        else:
            with MongoClient[dict[str, Any]](endpoints.mongodb_url) as client:
                found = client[DATABASE][_collection(kind)].count_documents({})
        if found != self._records:
            sys.exit(f"{found:,} rows are there, not {self._records:,}: the figures mean nothing")


async def _committed(admin: KafkaAdmin, group: str) -> int:
    try:
        return sum((await admin.committed(group)).values())
    except Transient:  # the first group of a broker waits for its coordinator
        return 0


def _collection(kind: str) -> str:
    return COLLECTION if kind == "readings" else kind


def _mysql(url: str, statement: str) -> list[tuple[Any, ...]]:
    address = MySqlAddress.parse(url)
    with (
        closing(pymysql.connect(database=address.database, autocommit=True, **address.login)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return list(cursor.fetchall())


def show(rates: Rates, records: int) -> None:
    rounds = len(next(iter(rates.values())))
    say(f"\n{records:,} records, {rounds} rounds in turn, records/s")
    for kind, state in dict.fromkeys((case.kind, case.state) for case in rates):
        say(f"\n  {STORES[kind]}, {state}")
        found = {name: rates[Case(kind, state, name)] for name in CONTENDERS}
        for name, values in found.items():
            low, high = min(values), max(values)
            say(f"    {name:<28}median {statistics.median(values):9,.0f}   range {low:9,.0f} to {high:9,.0f}")
        best = max((ONE, THREE), key=lambda name: statistics.median(found[name]))
        ratio = statistics.median(ours / theirs for ours, theirs in zip(found[OURS], found[best], strict=True))
        aim = "" if kind == "chunks" else f"   (aim: {AIM} or more)"
        say(f"    db_writer / best bare loop   {ratio:.2f}{aim}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=300_000, help="of each kind")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), help="which rows")
    chosen = options.parse_args()
    with scratch() as folder:
        say("starting Kafka, MariaDB and MongoDB")
        with running(folder, *NOT_NEEDED, *WITHOUT_SERVICES, streams={"bench": DECLARATION}) as fleet:
            bench = Bench(fleet, folder / "streams", chosen.records)
            asyncio.run(bench.fill(chosen.only))
            rates = asyncio.run(bench.compare(chosen.only, chosen.rounds))
    show(rates, chosen.records)


if __name__ == "__main__":
    main()
