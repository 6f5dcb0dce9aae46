"""In which order the queries begin. Planning a query takes a second of a core in a JVM that has just started, and they
take it from each other: so first those for whose results somebody waits.

    1  windows in Real-Time Mode
    2  clean readings and dead letters in Real-Time Mode
    3  what runs in micro-batches: published windows, streams that ask for it
    4  the archive, one topic after the other
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from shared.streams.declaration import Mode
from shared.streams.plan import Kind, QueryPlan
from streaming.progress import Pulse

STREAMS_WAIT_S = 15.0
"""At most, for the queries of one step before those of the next: one that catches up takes longer."""
ARCHIVE_WAIT_S = 120.0
QUIET_S = 20.0
APART_S = 5.0
_LOOK_EVERY_S = 0.2


class Turn:
    """`wait` returns for one caller after the other: `quiet_s` after each of `others` was ready or had failed, or after
    `longest_wait_s` where one of them says nothing, and then every `apart_s`."""

    def __init__(
        self, others: Collection[Pulse], longest_wait_s: float, quiet_s: float = 0.0, apart_s: float = 0.0
    ) -> None:
        self._others = others
        self._longest_wait_s = longest_wait_s
        self._quiet_s = quiet_s
        self._apart_s = apart_s
        self._lock = asyncio.Lock()
        self._begun = False

    async def wait(self) -> None:
        async with self._lock:
            if self._begun:
                await asyncio.sleep(self._apart_s)
            else:
                await self._others_first()
                self._begun = True

    async def _others_first(self) -> None:
        deadline = time.monotonic() + self._longest_wait_s
        while not all(pulse.ready or pulse.failed for pulse in self._others):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(self._quiet_s)


class Turns:
    """The steps above. `pulses` are those of all `plans`, by name."""

    def __init__(self, plans: Collection[QueryPlan], pulses: Mapping[str, Pulse]) -> None:
        steps = [[pulses[plan.name] for plan in plans if _step(plan) == step] for step in range(3)]
        waits = STREAMS_WAIT_S
        self._turns = (Turn([], 0), Turn(steps[0], waits), Turn([*steps[0], *steps[1]], 2 * waits))
        everything = [pulse for step in steps for pulse in step]
        self.archive = Turn(everything, ARCHIVE_WAIT_S, QUIET_S, APART_S)

    def of(self, plan: QueryPlan) -> Turn:
        return self._turns[_step(plan)]


def _step(plan: QueryPlan) -> int:
    if plan.mode is not Mode.REALTIME:
        return 2
    return 1 if plan.kind is Kind.CLEAN else 0


async def after(turn: Turn, job: Callable[[], Awaitable[None]]) -> None:
    await turn.wait()
    await job()
