"""The archive begins after the streams' queries."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from streaming.progress import Pulse
from streaming.turns import LastTurn


async def test_waits_for_those_that_somebody_waits_for() -> None:
    """Nobody has a turn while one of the others isn't ready; once all are, the quiet time passes first."""
    others = [Pulse(ready=True), Pulse()]
    turn = asyncio.create_task(LastTurn(others, quiet_s=0.3, apart_s=0).wait())
    await asyncio.sleep(0.7)
    assert not turn.done()
    others[1].beat(ready=True)
    ready = time.monotonic()
    await turn
    assert time.monotonic() - ready >= 0.3


async def test_one_that_never_gets_ready_holds_nobody_up_for_ever() -> None:
    """A stream whose query fails keeps no topic from being archived."""
    async with asyncio.timeout(5):
        await LastTurn([Pulse()], longest_wait_s=0.1, quiet_s=60).wait()


async def test_one_after_the_other() -> None:
    """Two turns are as far apart as was asked for."""
    last = LastTurn([], quiet_s=0, apart_s=0.3)
    times = []

    async def one() -> None:
        await last.wait()
        times.append(time.monotonic())

    await asyncio.gather(one(), one(), one())
    assert all(later - earlier >= 0.29 for earlier, later in pairwise(times))
