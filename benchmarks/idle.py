"""`make bench-idle`: what a fleet takes while nobody uses it, part by part: processor and memory.

Memory is each process's own share (PSS: what is shared by several is divided among them), its child processes included.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from benchmarks.console import say
from benchmarks.fleets import running, scratch
from compose.local.state import FleetState

SETTLE_S = 90.0
"""Until Java has compiled what is used, and the archive has begun."""
MEASURED_S = 60.0
MIB = 2**20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=MEASURED_S, help="measured, after it has settled")
    options.add_argument("--settle", type=float, default=SETTLE_S)
    chosen = options.parse_args()
    with scratch() as folder, running(folder) as fleet:
        say(f"a fleet is up and has {chosen.settle:g} s to settle")
        time.sleep(chosen.settle)
        before, begun = taken(fleet.state), time.monotonic()
        time.sleep(chosen.seconds)
        after, seconds = taken(fleet.state), time.monotonic() - begun
        shares = {name: (after[name] - before[name]) / seconds * 100 for name in before}
        show(shares, memory(fleet.state), seconds)


def families(state: FleetState) -> Mapping[str, list[psutil.Process]]:
    """By name, each process of the fleet with all that it started; Java beneath Python is a part of its own."""
    found = {"supervisor": [psutil.Process(state.supervisor.pid)]}
    for process in state.processes:
        assert process.identity is not None
        leader = psutil.Process(process.identity.pid)
        family = [leader, *leader.children(recursive=True)]
        if process.name == "streaming":
            found["streaming: Spark's JVM"] = [one for one in family if one.name() == "java"]
            family = [one for one in family if one.name() != "java"]
        found[process.name] = family
    return found


def taken(state: FleetState) -> Mapping[str, float]:
    """Seconds of processor so far."""
    return {name: sum(sum(one.cpu_times()[:2]) for one in family) for name, family in families(state).items()}


def memory(state: FleetState) -> Mapping[str, int]:
    """Bytes."""
    return {name: sum(proportional(one.pid) for one in family) for name, family in families(state).items()}


def proportional(pid: int) -> int:
    """The proportional set size of a process, in bytes. Linux alone tells it."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the system doesn't say how much memory process {pid} has")


def show(shares: Mapping[str, float], sizes: Mapping[str, int], seconds: float) -> None:
    say(f"\nidle for {seconds:.0f} s    processor, of one core    memory (PSS)")
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        say(f"  {name:<28} {share:5.1f} %  {sizes[name] / MIB:15.0f} MiB")
    say(f"  {'together':<28} {sum(shares.values()):5.1f} %  {sum(sizes.values()) / MIB:15.0f} MiB")


if __name__ == "__main__":
    main()
