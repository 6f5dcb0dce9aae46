"""How much processor and memory each process of a fleet takes, its own child processes included."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from compose.local.state import FleetState, ProcessIdentity

SUPERVISOR = "supervisor"


@dataclass(frozen=True)
class Usage:
    """`cpu` in percent of one core, since the look before; `memory` in bytes, resident."""

    cpu: float
    memory: int


class Meter:
    """Looks now and then: the first look only begins."""

    def __init__(self) -> None:
        self._before: dict[str, float] = {}
        self._at = time.monotonic()

    def look(self, state: FleetState) -> Mapping[str, Usage]:
        """By process name, for those that run and were seen before."""
        taken = {name: _taken(identity) for name, identity in _identities(state).items()}
        taken[SUPERVISOR] = _alone(state.supervisor)
        now = time.monotonic()
        found = {
            name: Usage(max(0.0, seconds - self._before[name]) / (now - self._at) * 100, memory)
            for name, (seconds, memory) in taken.items()
            if name in self._before
        }
        self._before, self._at = {name: seconds for name, (seconds, _) in taken.items()}, now
        return found


def _identities(state: FleetState) -> dict[str, ProcessIdentity]:
    return {process.name: process.identity for process in state.processes if process.identity}


def _taken(identity: ProcessIdentity) -> tuple[float, int]:
    """Seconds of processor so far, and bytes, of a process with all that it started."""
    process = identity.process()
    if process is None:
        return 0.0, 0
    family = [process, *process.children(recursive=True)]
    return sum(_seconds(member) for member in family), sum(_bytes(member) for member in family)


def _alone(identity: ProcessIdentity) -> tuple[float, int]:
    """Of the supervisor, whose children are counted for themselves."""
    process = identity.process()
    return (_seconds(process), _bytes(process)) if process else (0.0, 0)


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
