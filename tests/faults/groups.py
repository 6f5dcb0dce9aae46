"""A consumer group whose members come, go, die, stand still, or take longer than anybody would wait."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import psutil

from tests.faults.cases import Act, Case
from tests.faults.crash_points import EFFECTS, FIRES_WITHIN, Effect
from tests.faults.links import Side, Trap
from tests.faults.truth import Size
from tests.faults.world import HOPS

DYNAMIC = {"CAUCE_INSTANCE": None}
"""As under `--scale` in containers: a member without a place of its own."""
LONGER_THAN_A_SESSION = 25.0
LONGER_THAN_A_POLL = 130.0
LONG_LOAD = Size(documents=2, waves=6, pause=1.0, bad=False)
EXPECTED = "the partitions move, what was under way is done again and changes nothing"

Change = Callable[[str, Act], Awaitable[None]]


def cases() -> list[Case]:
    changes: dict[str, Change] = {
        "one more member, then one less": scaled,
        "SIGKILL of one of two members": one_of_two_killed,
        "one of two members stands still, and wakes up": one_of_two_stuck,
    }
    moved = [
        Case(
            "group",
            hop,
            fault,
            EXPECTED,
            partial(change, hop),
            size=LONG_LOAD,
        )
        for hop in HOPS
        for fault, change in changes.items()
    ]
    return [*moved, *_zombies(), _slow_handler()]


async def scaled(hop: str, act: Act) -> None:
    world, other = act.world, f"{hop}-2"
    await world.restart(hop, DYNAMIC)
    loading = asyncio.create_task(act.load.send())
    world.start(other, DYNAMIC)
    await world.ready(other)
    await asyncio.sleep(1)
    world.stop(hop)
    await loading
    await _alone(act, other)


async def one_of_two_killed(hop: str, act: Act) -> None:
    world, other = act.world, f"{hop}-2"
    await _two(act, hop)
    loading = asyncio.create_task(act.load.send())
    await asyncio.sleep(2)
    world.kill(other)
    await loading


async def one_of_two_stuck(hop: str, act: Act) -> None:
    """While it sleeps the other has its partitions; whatever it still does when it wakes up must not count."""
    world, other = act.world, f"{hop}-2"
    await _two(act, hop)
    loading = asyncio.create_task(act.load.send())
    await asyncio.sleep(2)
    world.signal(other, signal.SIGSTOP)
    await loading
    await asyncio.sleep(LONGER_THAN_A_SESSION - 6)
    world.signal(other, signal.SIGCONT)
    await world.ready(other)
    await _alone(act, other)


async def _two(act: Act, hop: str) -> None:
    world, other = act.world, f"{hop}-2"
    await world.restart(hop, DYNAMIC)
    world.start(other, DYNAMIC)
    await world.ready(other)


async def _alone(act: Act, other: str) -> None:
    """The first is back before the second leaves."""
    hop = other.split("-", maxsplit=1)[0]
    if not act.world.alive(hop):
        await act.world.restart(hop)
    await act.settled()
    act.world.stop(other)


# ---- a writer that sleeps with a write in its hands ------------------------------------------------------------------


def _zombies() -> list[Case]:
    return [
        Case(
            kind="group",
            part=effect.hop,
            fault="a writer sleeps before its write, its successor writes newer versions, then it wakes up and writes",
            expected="the guard of the versions keeps the newer ones",
            cause=partial(zombie, effect),
        )
        for effect in EFFECTS
        if effect.name == "store"
    ]


async def zombie(effect: Effect, act: Act) -> None:
    """What it sent before it fell asleep is held on the way, so that it arrives last of all."""
    world, service = act.world, "db_writer"
    await world.restart(service, DYNAMIC)
    released = threading.Event()
    verbs = frozenset({"INSERT"}) if effect.server == "mariadb" else effect.verbs
    write = Effect(effect.hop, effect.name, effect.server, verbs, effect.place)
    trap = Trap(write.is_in, Side.BEFORE, lambda: world.signal(service, signal.SIGSTOP), release=released)
    world.proxy.arm(world.links[service, effect.server], trap)
    try:
        await act.load.send()
        assert await asyncio.to_thread(trap.sprung.wait, FIRES_WITHIN), "it never came to its write"
        world.start(f"{service}-2", DYNAMIC)
        await act.settled()
    finally:
        released.set()
    world.signal(service, signal.SIGCONT)
    await world.ready(service)
    await _alone(act, f"{service}-2")


# ---- a handler that takes minutes ------------------------------------------------------------------------------------


def _slow_handler() -> Case:
    return Case(
        kind="group",
        part="docproc",
        fault=f"a document takes {LONGER_THAN_A_POLL:g} s, longer than `max.poll.interval`",
        expected="heartbeats go on, nobody leaves the group, the document is read once",
        cause=slow_handler,
        size=Size(documents=2, waves=1, bad=False),
        quiet_seconds=120,
    )


async def slow_handler(act: Act) -> None:
    """Its parsing processes stand still; the service itself doesn't."""
    world = act.world
    env: Mapping[str, str | None] = {"CAUCE_PARSE_DEADLINE_SECONDS": "600"}
    await world.restart("docproc", env)
    assigned = world.log("docproc").count("assigned")
    parsers = psutil.Process(world.pid("docproc")).children(recursive=True)
    for parser in parsers:
        parser.suspend()
    await act.load.send()
    await asyncio.sleep(LONGER_THAN_A_POLL)
    for parser in parsers:
        parser.resume()
    await act.settled()
    assert world.log("docproc").count("assigned") == assigned, "a rebalance meanwhile"
    await world.restart("docproc")
