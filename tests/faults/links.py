"""What a proxy can be told: how a way between two parts misbehaves, and where it springs a trap."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from tests.faults.wires import Request, Wire


class Mode(StrEnum):
    """PASS: as if it weren't there. CUT: connections are closed, new ones too. RESET: the next message is passed on by
    half, then both sides see a reset, on every connection. DELAY: every piece comes late. DRIP: a few bytes at a time.
    HALF_OPEN: connections are taken and kept, and nothing comes through."""

    PASS = "pass"
    CUT = "cut"
    RESET = "reset"
    DELAY = "delay"
    DRIP = "drip"
    HALF_OPEN = "half-open"


class Side(StrEnum):
    """Of the acknowledgement: BEFORE the request reaches the server; AFTER it was answered, and the client not told."""

    BEFORE = "before"
    AFTER = "after"


@dataclass
class Trap:
    """Holds back the first request that `matches` (or its answer), and calls `hook`; then it drops the connection, or
    waits for `release` and passes on what it held."""

    matches: Callable[[Request], bool]
    side: Side
    hook: Callable[[], None]
    release: threading.Event | None = None
    sprung: threading.Event = field(default_factory=threading.Event)
    awaited: int | None = None

    def spring(self) -> None:
        self.hook()
        self.sprung.set()


class Droppable(Protocol):
    """A connection that can be ended from outside."""

    def drop(self) -> None: ...


@dataclass
class Link:
    """One listening port and the port behind it. `delay` in seconds, `drip` in bytes a second; `troubled` counts the
    messages and connections that met another mode than PASS."""

    name: str
    port: int
    target: int
    wire: Wire
    mode: Mode = Mode.PASS
    delay: float = 0.2
    drip: int = 2_000
    trap: Trap | None = None
    connections: set[Droppable] = field(default_factory=set)
    troubled: int = 0
