"""Random combinations of everything else: a seed makes a schedule, and the same seed makes it again."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tests.faults.cases import Act, Case
from tests.faults.links import Mode
from tests.faults.network import WAYS
from tests.faults.settings import FaultSettings
from tests.faults.truth import Size
from tests.faults.world import HOPS, SERVERS, World

LOAD = Size(documents=3, windows=20, readings=30, waves=5, pause=1.0)
WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """Something happens to something `at` so many seconds, for so many seconds."""

    at: float
    what: str
    lasts: float
    do: Callable[[World, float], Awaitable[None]]

    def __str__(self) -> str:
        return f"{self.at:.1f} s {self.what} for {self.lasts:.1f} s"


def cases() -> list[Case]:
    settings = FaultSettings()
    return [
        Case(
            kind="random schedule",
            part=f"seed {seed}",
            fault="; ".join(map(str, schedule(seed))),
            expected="every invariant",
            cause=partial(follow, seed),
            quick=False,
            size=LOAD,
        )
        for seed in range(settings.seed, settings.seed + settings.schedules)
    ]


def schedule(seed: int) -> list[Step]:
    """Three to five steps. Of one part or way there is one step at most: two would undo each other."""
    dice = random.Random(seed)
    kinds = [*(partial(_killed, name) for name in (*HOPS, *SERVERS)), *(partial(_still, name) for name in HOPS)]
    kinds += [partial(_on_the_way, way, mode) for way in WAYS for mode in Mode if mode is not Mode.PASS]
    steps: dict[str, Step] = {}
    for _ in range(dice.randint(3, 5)):
        step = dice.choice(kinds)(dice.uniform(0, WITHIN), dice.uniform(0.5, 4))
        steps.setdefault(step.what.split(":")[0], step)
    return sorted(steps.values(), key=lambda step: step.at)


async def follow(seed: int, act: Act) -> None:
    steps = schedule(seed)
    print(f"seed {seed}: {'; '.join(map(str, steps))}; again with: CAUCE_FAULT_SEED={seed} CAUCE_FAULT_SCHEDULES=1")
    async with asyncio.TaskGroup() as group:
        group.create_task(act.load.send())
        for step in steps:
            group.create_task(_one(act.world, step))


async def _one(world: World, step: Step) -> None:
    await asyncio.sleep(step.at)
    await step.do(world, step.lasts)


def _killed(name: str, at: float, lasts: float) -> Step:
    async def do(world: World, seconds: float) -> None:
        world.kill(name)
        await asyncio.sleep(seconds)
        world.start(name)

    return Step(at, f"{name}: killed", lasts, do)


def _still(name: str, at: float, lasts: float) -> Step:
    async def do(world: World, seconds: float) -> None:
        world.signal(name, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        world.signal(name, signal.SIGCONT)

    return Step(at, f"{name}: stands still", lasts, do)


def _on_the_way(way: tuple[str, str], mode: Mode, at: float, lasts: float) -> Step:
    async def do(world: World, seconds: float) -> None:
        world.proxy.set(world.links[way], mode)
        await asyncio.sleep(seconds)
        world.proxy.set(world.links[way], Mode.PASS)

    return Step(at, f"{' to '.join(way)}: {mode}", lasts, do)
