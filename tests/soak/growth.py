"""Does a process grow? Its memory, and what it holds open, looked at again and again."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psutil

from compose.local.state import ProcessState
from tests.fleet.harness import Fleet

SERVICES = ("api_gateway", "ingest", "docproc", "embedding", "db_writer", "dashboard")
"""Of Python; Spark's and Kafka's memory is their heap's."""
MIB = 2**20
MOST_MIB_A_MINUTE = 1.0
_TASKS = re.compile(r"^cauce_asyncio_tasks (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """`memory` in bytes, child processes included, as all others are but `tasks`."""

    at: float
    memory: int
    files: int
    threads: int
    tasks: int


class Samples:
    """By service."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.taken: defaultdict[str, list[Sample]] = defaultdict(list)

    def take(self, at: float) -> None:
        for process in self._fleet.state.processes:
            if process.name in SERVICES:
                self.taken[process.name].append(_sample(process, at))


def _sample(process: ProcessState, at: float) -> Sample:
    parent = process.identity and process.identity.process()
    assert parent, f"{process.name} does not run"
    family = [parent, *parent.children(recursive=True)]
    return Sample(
        at,
        sum(_rss(member) for member in family),
        sum(member.num_fds() for member in family),
        sum(member.num_threads() for member in family),
        _tasks(process.port),
    )


def _rss(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def _tasks(port: int | None) -> int:
    """0 where a process tells no such number, as the dashboard."""
    found = _TASKS.search(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text)
    return int(float(found[1])) if found else 0


def slope_mib_a_minute(samples: Sequence[Sample]) -> float:
    """Of the line that fits the memory best."""
    times = [sample.at / 60 for sample in samples]
    return statistics.linear_regression(times, [sample.memory / MIB for sample in samples]).slope


def leaks(samples: Sequence[Sample]) -> list[str]:
    """What there is more of in the last third than in the first, by more than a load that varies explains."""
    third = max(1, len(samples) // 3)
    found = []
    for what in ("files", "threads", "tasks"):
        before, after = (
            statistics.median(getattr(sample, what) for sample in part) for part in (samples[:third], samples[-third:])
        )
        if after > before * 1.1 + 5:
            found.append(f"{what} from {before:g} to {after:g}")
    return found
