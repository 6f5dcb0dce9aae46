"""Queries begin in the order in which their results are waited for."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from itertools import pairwise

from shared.streams.declaration import Mode
from shared.streams.loading import load_streams
from shared.streams.plan import QueryPlan, query_plans
from streaming.progress import Pulse
from streaming.turns import Turn, Turns, after
from tests.waiting import until


async def test_waits_for_those_that_somebody_waits_for() -> None:
    """Nobody has a turn while one of the others isn't ready; once all are, the quiet time passes first."""
    others = [Pulse(ready=True), Pulse()]
    turn = asyncio.create_task(Turn(others, 60, quiet_s=0.3).wait())
    await asyncio.sleep(0.7)
    assert not turn.done()
    others[1].beat(ready=True)
    ready = time.monotonic()
    await turn
    assert time.monotonic() - ready >= 0.3


async def test_one_that_never_gets_ready_holds_nobody_up_for_ever() -> None:
    """A stream whose query fails keeps no topic from being archived."""
    async with asyncio.timeout(5):
        await Turn([Pulse()], longest_wait_s=0.1, quiet_s=60).wait()


async def test_one_after_the_other() -> None:
    """Two turns are as far apart as was asked for."""
    last = Turn([], 0, apart_s=0.3)
    times = []

    async def one() -> None:
        await last.wait()
        times.append(time.monotonic())

    await asyncio.gather(one(), one(), one())
    assert all(later - earlier >= 0.29 for earlier, later in pairwise(times))


async def test_one_that_failed_is_not_waited_for() -> None:
    """A query that can't begin keeps none of the others from beginning."""
    failed = Pulse()
    failed.fail("its records are gone")
    async with asyncio.timeout(5):
        await Turn([failed], longest_wait_s=60).wait()


async def test_the_order_of_need() -> None:
    """Windows in Real-Time Mode begin at once, clean queries when those run, micro-batches after both."""
    plans = [plan for stream in load_streams() for plan in query_plans(stream)]
    pulses = {plan.name: Pulse() for plan in plans}
    turns = Turns(plans, pulses)
    begun: list[str] = []

    async def begin(plan: QueryPlan) -> None:
        begun.append(plan.name)

    tasks = [asyncio.create_task(after(turns.of(plan), partial(begin, plan))) for plan in plans]
    live = {plan.name for plan in plans if plan.mode is Mode.REALTIME}
    windows = {name for name in live if ".windows." in name}
    for step in (windows, live - windows, pulses.keys() - live):
        await until(lambda step=step: step <= set(begun))
        assert set(begun[-len(step) :]) == step
        for name in step:
            pulses[name].beat(ready=True)
    await asyncio.gather(*tasks)
