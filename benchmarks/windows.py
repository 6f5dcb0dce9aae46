"""`make bench-windows`: how long an event takes to be in its window, in Real-Time Mode and in micro-batches; then how
fast a backlog drains.

Two streams that differ in nothing but their mode run in one fleet and are measured in turn, so that a machine that is
slow for a while is slow for both.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict

import yaml

from benchmarks.console import say
from benchmarks.drain import drain
from benchmarks.fleets import running, scratch
from benchmarks.latency import DECLARATION, MOVIES, NOT_NEEDED, RATE, Bench, Latencies, show
from shared.streams.declaration import Stream
from tests.fleet.harness import Fleet

ROUNDS = 3
WARM_UP_S = 60.0
ONLY_KAFKA = ("--scale", "streaming=0", "--scale", "db_writer=0")
MODES = ("realtime", "micro_batch")


async def compare(fleet: Fleet, seconds: float, long_seconds: float) -> None:
    """`seconds` of each run at the full rate; `long_seconds` of the last one, 0 leaves it out."""
    results: dict[tuple[str, str], list[Latencies]] = defaultdict(list)
    async with Bench(fleet.kafka, fleet.state.endpoints.mysql_url, MODES) as bench:
        for mode in MODES:
            await bench.measure(mode, bench.at_rate(mode, WARM_UP_S), "warming up")
        for number in range(ROUNDS):
            for mode in MODES:
                what = f"round {number + 1} of {ROUNDS}"
                results["one event at a time", mode].append(await bench.measure(mode, bench.singly(mode), what))
                at_rate = await bench.measure(mode, bench.at_rate(mode, seconds), what)
                results[f"{RATE:,} events/s, {MOVIES:,} movies", mode].append(at_rate)
        for (what, mode), rounds in sorted(results.items(), reverse=True):
            show(f"{what}, {mode}", rounds)
        if long_seconds:
            what = f"{RATE:,} events/s for {long_seconds:g} s, the ends of batches counted in"
            show(f"{what}, realtime", [await bench.measure("realtime", bench.at_rate("realtime", long_seconds), what)])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60.0, help="of each run at the full rate")
    options.add_argument("--long", type=float, default=360.0, help="seconds of the last run, which sees batches end")
    options.add_argument("--events", type=int, default=1_000_000, help="to drain; 0 leaves that out")
    chosen = options.parse_args()
    declarations = {mode: DECLARATION.format(mode=mode) for mode in MODES}
    with scratch() as folder:
        say("starting a fleet: Kafka, MariaDB, Spark, db_writer")
        with running(folder / "fleet", *NOT_NEEDED, streams=declarations) as fleet:
            asyncio.run(compare(fleet, chosen.seconds, chosen.long))
        if chosen.events:
            say("\nstarting Kafka alone, to drain")
            with running(folder / "kafka", *NOT_NEEDED, *ONLY_KAFKA, streams={}) as fleet:
                drain(
                    fleet.kafka,
                    Stream.model_validate(yaml.safe_load(DECLARATION.format(mode="realtime"))),
                    folder,
                    chosen.events,
                )


if __name__ == "__main__":
    main()
