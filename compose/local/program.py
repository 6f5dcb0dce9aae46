"""What the supervisor needs to know about a process before it starts it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple


class Unready(NamedTuple):
    """Why a process can't be used, in a few words. `lasting` says that neither waiting nor a restart changes it."""

    reason: str
    lasting: bool = False


Probe = Callable[[], Coroutine[Any, Any, Unready | None]]
"""Asks a process whether it can be used: None when it can. Answers within seconds."""


class Kind(StrEnum):
    SERVER = "server"
    SERVICE = "service"


async def always_ready() -> Unready | None:
    return None


@dataclass(frozen=True)
class Program:
    """A process of the fleet. `stop_seconds` is how long it may take to end after SIGTERM before it is killed."""

    name: str
    kind: Kind
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    port: int | None = None
    probe: Probe = field(default=always_ready)
    stop_seconds: float = 30.0
