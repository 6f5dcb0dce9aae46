"""`make soak`: the stores away for ten minutes, and half an hour of load in which nothing may grow.

Ends with 1 where a record is lost, doubled or dead-lettered, where catching up takes longer than the work needs, or
where a process grows.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.console import say
from benchmarks.fleets import running, scratch
from shared.kafka.client import offset_ranges
from shared.kafka.lag import read_lag
from shared.ledger import newest_reports, together
from shared.topics import CONSUMED
from tests.fleet.events import verified
from tests.fleet.harness import Fleet
from tests.soak.growth import MOST_MIB_A_MINUTE, Samples, leaks, slope_mib_a_minute
from tests.soak.load import Load

EVENTS_PER_S = 200
WARM_UP_S = 180.0
SAMPLE_EVERY_S = 10.0
STORES = ("mariadb", "mongodb")
ALLOWED = 1.5
"""Times what the backlog needs at the rate at which its middle drains."""
LONGEST_S = 900


@dataclass(frozen=True)
class Caught:
    """`backlog` in records; `expected_s` at the rate of the middle of it."""

    backlog: int
    seconds: float
    expected_s: float


async def outage(fleet: Fleet, folder: Path, seconds: float) -> list[str]:
    """Both stores stand still under load, their connections half open; then they go on."""
    servers = [fleet.process(name) for name in STORES]
    async with Load(fleet, folder, EVENTS_PER_S) as load:
        await asyncio.sleep(20)
        for server in servers:
            server.suspend()
        try:
            say(f"MySQL and MongoDB are away for {seconds:g} s, under {EVENTS_PER_S} events/s and documents")
            await asyncio.sleep(seconds)
        finally:
            for server in servers:
                server.resume()
    caught = await _catch_up(fleet)
    say(
        f"  {caught.backlog:,} records waited; lag 0 after {caught.seconds:.0f} s, "
        f"{caught.expected_s:.0f} s at the rate of their middle: {caught.seconds / caught.expected_s:.2f} times that"
    )
    problems = [] if caught.seconds <= ALLOWED * caught.expected_s + 1 else ["catching up took too long"]
    return problems + await wrong(fleet, load)


async def _catch_up(fleet: Fleet) -> Caught:
    """Looks at the lag until there is none."""
    began, backlog = time.monotonic(), await _lag(fleet)
    seen = [(0.0, backlog)]
    while seen[-1][1] and time.monotonic() - began < LONGEST_S:
        await asyncio.sleep(0.5)
        seen.append((time.monotonic() - began, await _lag(fleet)))
    middle = [(at, lag) for at, lag in seen if 0.2 * backlog <= lag <= 0.8 * backlog] or seen
    (first, more), (last, less) = middle[0], middle[-1]
    rate = (more - less) / max(last - first, 0.5) or backlog
    return Caught(backlog, seen[-1][0], max(backlog / rate, 0.5))


async def _lag(fleet: Fleet) -> int:
    return sum(lag.records for lag in await read_lag(fleet.kafka))


async def wrong(fleet: Fleet, load: Load) -> list[str]:
    """What isn't as it must be once everything is quiet."""
    documents = await fleet.until_final(load.uploads, seconds=LONGEST_S)
    verified(fleet, "ratings", seconds=LONGEST_S)
    found = [f"{key} is {one['state']}" for key, one in documents.items() if one["state"] != "complete"]
    sums = fleet.sums(documents)
    chunks = sum(document["counts"]["chunks"] for document in documents.values())
    if (sums.chunks, sums.vectors) != (chunks, chunks):
        found.append(f"{chunks} chunks were made, {sums.chunks} and {sums.vectors} vectors are stored")
    held = await offset_ranges(fleet.kafka, [topic.dlq.name for topic in CONSUMED])
    if dead := sum(len(offsets) for offsets in held.values()):
        found.append(f"{dead} dead letters")
    lines = together(await newest_reports(fleet.kafka))
    found += [
        f"the ledger of {line.group}, {line.topic} is off by {line.imbalance}" for line in lines if line.imbalance
    ]
    say(
        f"  {len(documents)} documents and {chunks} chunks complete, windows equal to the topic; "
        f"wrong: {found or 'nothing'}"
    )
    return found


async def steady(fleet: Fleet, folder: Path, seconds: float) -> list[str]:
    samples = Samples(fleet)
    async with Load(fleet, folder, EVENTS_PER_S) as load:
        say(
            f"{seconds:g} s under {EVENTS_PER_S} events/s and a document every two seconds, after {WARM_UP_S:g} s of it"
        )
        await asyncio.sleep(WARM_UP_S)
        began = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            await asyncio.to_thread(samples.take, at)
            await asyncio.sleep(SAMPLE_EVERY_S)
    return _grown(samples) + await wrong(fleet, load)


def _grown(samples: Samples) -> list[str]:
    found = []
    for service, taken in samples.taken.items():
        slope, more = slope_mib_a_minute(taken), leaks(taken)
        last = taken[-1]
        say(
            f"  {service:12} {last.memory / 2**20:6.0f} MiB, {slope:+.2f} MiB a minute; "
            f"{last.files} files, {last.threads} threads, {last.tasks} tasks"
        )
        found += [f"{service} has more {what}" for what in more]
        if slope > MOST_MIB_A_MINUTE:
            found.append(f"{service} grows by {slope:.2f} MiB a minute")
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--away", type=float, default=600.0, help="seconds for which the stores are away; 0: never")
    options.add_argument("--steady", type=float, default=1800.0, help="seconds under load; 0 leaves it out")
    chosen = options.parse_args()
    problems = []
    with scratch() as folder, running(folder / "fleet") as fleet:
        if chosen.away:
            problems += asyncio.run(outage(fleet, folder / "away", chosen.away))
        if chosen.steady:
            problems += asyncio.run(steady(fleet, folder / "steady", chosen.steady))
    sys.exit("\n".join(problems) if problems else 0)


if __name__ == "__main__":
    main()
