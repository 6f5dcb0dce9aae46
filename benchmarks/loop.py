"""`make bench-loop`: the same work by Cauce's loop and by four others, on one broker, in turn.

The work: consume 1 kB of JSON, decode it, handle it, publish 1 kB, commit; an idempotent producer, acks=all, nothing
compressed. Each contender is a process of its own on the same filled topic, with a group and an output topic of its
own; then every output is read back and counted. The rate comes from the broker's own timestamps (LogAppendTime) of the
outputs, from the first tenth to the last, so that nobody's start-up counts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.console import say
from benchmarks.fleets import running, scratch
from benchmarks.latency import NOT_NEEDED
from benchmarks.loop_work import KEYS, TEXT, Work, decode, encode
from benchmarks.windows import ONLY_KAFKA
from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, offset_ranges, read_from
from shared.kafka.records import Outgoing
from shared.topics import Topic
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[1]
OTHERS = ROOT / ".venv-bench" / "bin" / "python"
PARTITIONS = 6
PATIENCE_S = 120.0
OURS, BARE, CONFLUENT, QUIX = "Cauce", "bare aiokafka", "bare confluent-kafka", "Quix Streams"
CONTENDERS = {
    OURS: ("loop_ours", Path(sys.executable)),
    BARE: ("loop_aiokafka", Path(sys.executable)),
    QUIX: ("loop_quix", OTHERS),
    "FastStream": ("loop_faststream", OTHERS),
    CONFLUENT: ("loop_confluent", OTHERS),
}
SANE = (0.50, 0.65)
"""Of the bare confluent loop the bare aiokafka loop reaches this much; outside it one of the two is not at its best."""
SOURCE = Topic("bench.loop", "key", PARTITIONS, timedelta(days=1))


class Void(Exception):
    """The figures of this run mean nothing."""


@dataclass(frozen=True)
class Round:
    """Records per second, and how many outputs were missing after everything was committed."""

    rate: float
    missing: int


async def compare(connection: Connection, names: list[str], records: int, rounds: int) -> dict[str, list[Round]]:
    """What each did, by round; the first round, in which the page cache fills, does not count."""
    await fill(connection, records)
    done: dict[str, list[Round]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names:
            one = await measure(connection, name, number, records)
            say(f"  {f'round {number}' if number else 'warming up'}: {name:<22}{one.rate:>9,.0f} records/s{told(one)}")
            done[name] += [one] if number else []
    return done


def told(one: Round) -> str:
    return f", {one.missing:,} outputs missing after the commit" if one.missing else ""


async def fill(connection: Connection, records: int) -> None:
    say(f"filling a topic with {records:,} records of 1 kB, {KEYS:,} keys, {PARTITIONS} partitions")
    async with KafkaAdmin(connection) as admin:
        await admin.create(SOURCE, 1)
    producer = KafkaProducer(connection, compression=None)
    for first in range(0, records, 5_000):
        works = (Work(key=key(each), number=each, text=TEXT) for each in range(first, min(first + 5_000, records)))
        await producer.publish([Outgoing(SOURCE.name, work.key.encode(), encode(work)) for work in works])
    await producer.stop()


def key(number: int) -> str:
    return f"{number * 7919 % KEYS:08d}"


async def measure(connection: Connection, name: str, number: int, records: int) -> Round:
    group = f"{CONTENDERS[name][0]}-{number}"
    target = Topic(f"bench.{group}", "key", PARTITIONS, timedelta(days=1), log_append_time=True)
    async with KafkaAdmin(connection) as admin:
        await admin.create(target, 1)
        with working(connection, name, group, target) as process:

            async def committed() -> bool:
                if process.poll() is not None:
                    raise Void(f"{name} ended by itself, with exit code {process.returncode}")
                try:
                    return sum((await admin.committed(group)).values()) == records
                except Transient:  # the first group of a broker waits for its coordinator
                    return False

            try:
                await until(committed, seconds=PATIENCE_S)
            except TimeoutError:
                raise Void(f"{name} was not done within {PATIENCE_S:g} s") from None
    done = await round_of(connection, target, records)
    await forget(connection, target)
    if done.missing and name in (OURS, BARE, CONFLUENT):
        raise Void(f"{name} has not written {done.missing:,} of {records:,} outputs")
    return done


@contextmanager
def working(connection: Connection, name: str, group: str, target: Topic) -> Iterator[subprocess.Popen[bytes]]:
    module, python = CONTENDERS[name]
    words = [connection.bootstrap_servers, group, SOURCE.name, target.name]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [python, "-W", "ignore", "-m", f"benchmarks.{module}", *words], cwd=ROOT, stdout=said, stderr=said
        )
        try:
            yield process
        except Void:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace")[-4000:])
            raise
        finally:
            process.kill()
            process.wait()


async def round_of(connection: Connection, target: Topic, records: int) -> Round:
    """Reads every output back: each record must have its answer."""
    held = await offset_ranges(connection, [target.name])
    times: list[int] = []
    missing = set(range(1, records + 1))
    starts, ends = {at: each.start for at, each in held.items()}, {at: each.stop for at, each in held.items()}
    async for batch in read_from(connection, starts, ends):
        times += [record.timestamp for record in batch]
        missing.difference_update(decode(record.value).number for record in batch)
    times.sort()
    tenth = len(times) // 10
    return Round((len(times) - tenth) / (times[-1] - times[tenth]) * 1000, len(missing))


async def forget(connection: Connection, topic: Topic) -> None:
    """A run would fill the disk otherwise."""
    admin = AIOKafkaAdminClient(bootstrap_servers=connection.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([topic.name])
    finally:
        await admin.close()


def show(done: dict[str, list[Round]], records: int) -> None:
    """Raises Void where the two bare loops are not at their best."""
    rates = {name: [one.rate for one in rounds] for name, rounds in done.items()}
    say(f"\n{records:,} records a round, records/s")
    for name, values in rates.items():
        missing = told(Round(0, sum(one.missing for one in done[name])))
        median = statistics.median(values)
        say(f"  {name:<22}median {median:9,.0f}   range {min(values):9,.0f} to {max(values):9,.0f}{missing}")
    for one, other, meaning in (
        (OURS, BARE, "aim: at least 1.2"),
        (OURS, QUIX, "aim: more than 1"),
        (BARE, CONFLUENT, "0.50 to 0.65, else the run is void"),
    ):
        if one in rates and other in rates:
            say(f"  {f'{one} / {other}':<38}{ratio(rates, one, other):.2f}   ({meaning})")
    if BARE in rates and CONFLUENT in rates and not SANE[0] <= ratio(rates, BARE, CONFLUENT) <= SANE[1]:
        raise Void("the machine was not quiet, or one of the bare loops is not at its best: no figure here counts")


def ratio(rates: dict[str, list[float]], one: str, other: str) -> float:
    """The median of the rounds' ratios: neighbours in time saw the same machine."""
    return statistics.median(mine / theirs for mine, theirs in zip(rates[one], rates[other], strict=True))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=300_000, help="of each round")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="whom to measure")
    chosen = options.parse_args()
    try:
        with scratch() as folder:
            say("starting Kafka alone")
            with running(folder, *NOT_NEEDED, *ONLY_KAFKA, streams={}) as fleet:
                done = asyncio.run(compare(fleet.kafka, chosen.only, chosen.records, chosen.rounds))
        show(done, chosen.records)
    except Void as error:
        sys.exit(f"void: {error}")


if __name__ == "__main__":
    main()
