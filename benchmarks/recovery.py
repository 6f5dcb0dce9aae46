"""`make bench-recovery`: what the duration of a batch in Real-Time Mode costs, while all is well and after a crash.

For each duration: the time from the event to its window at a steady rate, with ends of batches counted in; and the time
from a SIGKILL of Spark, shortly before its batch would have ended, until an event sent afterwards is in its window.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from datetime import timedelta

from benchmarks.console import say
from benchmarks.fleets import running, scratch
from benchmarks.latency import DECLARATION, NOT_NEEDED, RATE, Bench, show
from shared.streams.units import parse_duration
from tests.fleet.harness import Fleet
from tests.waiting import until

MODE = "realtime"
KILLED_AT = 0.9
"""Of the duration, counted from the start of the batch."""
MEASURED = 1.2
LEAST_MEASURED_S = 90.0
SETTLE_S = 20.0
LONGEST_RECOVERY_S = 300.0


async def measure(fleet: Fleet, duration: timedelta) -> None:
    seconds = duration.total_seconds()
    async with Bench(fleet.kafka, fleet.state.endpoints.mysql_url, [MODE]) as bench:
        recovered = await _recovery(fleet, bench, seconds * KILLED_AT)
        say(f"  killed {seconds * KILLED_AT:g} s into a batch: a new event was in its window in {recovered:.1f} s")
        await bench.measure(MODE, bench.at_rate(MODE, SETTLE_S), "settling")
        length = max(seconds * MEASURED, LEAST_MEASURED_S)
        found = await bench.measure(MODE, bench.at_rate(MODE, length), f"{length:g} s at {RATE:,} events/s")
    show(f"batches of {seconds:g} s, {RATE:,} events/s", [found])


async def _recovery(fleet: Fleet, bench: Bench, after: float) -> float:
    """Seconds from the kill until an event that was sent after it is in its window; the load goes on all the while."""
    say(f"  {MODE}: {after:g} s at {RATE:,} events/s, then a SIGKILL")
    ended = asyncio.Event()
    load = asyncio.create_task(bench.at_rate(MODE, after + LONGEST_RECOVERY_S, ended))
    await asyncio.sleep(after)
    _kill_spark(fleet)
    killed = time.perf_counter()
    try:
        await until(lambda: bench.sent[MODE].newest > killed, seconds=LONGEST_RECOVERY_S)
        return time.perf_counter() - killed
    finally:
        ended.set()
        await load


def _kill_spark(fleet: Fleet) -> None:
    """With its JVM, which would else go on until it notices."""
    process = fleet.process("streaming")
    for one in [*process.children(recursive=True), process]:
        one.kill()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("durations", nargs="*", default=["30s", "1m", "5m"], help="such as 30s 1m 5m")
    for text in options.parse_args().durations:
        duration = parse_duration(text)
        say(f"\nstarting a fleet: Kafka, MariaDB, Spark with batches of {text}, db_writer")
        environment = {"CAUCE_STREAMING_REALTIME_DURATION": f"PT{duration.total_seconds():g}S"}
        with (
            scratch() as folder,
            running(
                folder, *NOT_NEEDED, streams={MODE: DECLARATION.format(mode=MODE)}, environment=environment
            ) as fleet,
        ):
            asyncio.run(measure(fleet, duration))


if __name__ == "__main__":
    main()
