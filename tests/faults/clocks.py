"""Services whose clocks step: what depends on a clock of theirs must not decide over what is stored."""

from __future__ import annotations

import asyncio
import signal
import sys
from functools import partial

from tests.faults.cases import Act, Case
from tests.faults.gateway import own_key, uploads
from tests.faults.truth import Size
from tests.faults.world import HOPS

GATEWAY = "api_gateway"


def cases() -> list[Case]:
    fault = "its clock steps an hour back, then two ahead, under load"
    expected = "nothing but times that are told to people"
    steps = [Case("clock", hop, fault, expected, partial(stepped, hop), size=Size(waves=6)) for hop in HOPS]
    return [*steps, Case("clock", GATEWAY, fault, expected, stepped_at_the_door)]


async def stepped(hop: str, act: Act) -> None:
    world = act.world
    with world.run_by(hop, sys.executable, "-m", "tests.faults.stepping", f"services.{hop}"):
        await world.restart(hop)
        loading = asyncio.create_task(act.load.send())
        await _steps(act, hop)
        await loading
        await act.settled()
    await world.restart(hop)


async def stepped_at_the_door(act: Act) -> None:
    world = act.world
    with world.run_by(GATEWAY, sys.executable, "-m", "tests.faults.stepping", f"services.{GATEWAY}"):
        await own_key(act)
        sending = asyncio.create_task(uploads(act))
        await _steps(act, GATEWAY)
        await sending
    await world.restart(GATEWAY)


async def _steps(act: Act, part: str) -> None:
    for step in (signal.SIGUSR1, signal.SIGUSR2):
        await asyncio.sleep(0.7)
        act.world.signal(part, step)
