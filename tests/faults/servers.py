"""Servers that die, stand still, fill their disk, or are away from the start: the broker and both stores."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from tests.faults.cases import Act, Case
from tests.faults.crash_points import EFFECTS, FIRES_WITHIN, Effect
from tests.faults.links import Side, Trap
from tests.faults.settings import FaultSettings
from tests.faults.truth import Size
from tests.faults.world import SERVERS, World

AWAY = 6.0
LONG_PAUSE = 1.0
WAITED = "an outage: waited for, nothing dead-lettered, nothing lost or doubled"
Fault = Callable[[World, str], Awaitable[None]]


def cases() -> list[Case]:
    return [
        *_killed(FaultSettings().outage_seconds),
        *_plain(),
        *_struck_at_an_effect(),
        *_down_at_start(),
        *_one_bad_row(),
    ]


def _killed(seconds: float) -> list[Case]:
    """The load goes on all the while."""
    return [
        Case(
            kind="server",
            part=server,
            fault="SIGKILL under load, away for a while",
            expected=WAITED,
            cause=partial(during, server, partial(killed, seconds=seconds)),
            quick=server == "mariadb",
            size=Size(waves=3 + int(seconds / LONG_PAUSE), pause=LONG_PAUSE),
            quiet_seconds=150 + seconds,
        )
        for server in SERVERS
    ]


def _plain() -> list[Case]:
    faults: dict[str, Fault] = {
        "SIGTERM, started again": restarted,
        f"stands still (SIGSTOP) for {AWAY:g} s": paused,
        "stands still (SIGSTOP) for 25 s, longer than a session": partial(paused, seconds=25.0),
        "flapping: three times 1.5 s away": flapping,
        "disk full": disk_full,
    }
    quick = {("kafka", restarted)}
    return [
        Case("server", server, fault, WAITED, partial(during, server, cause), quick=(server, cause) in quick)
        for server in SERVERS
        for fault, cause in faults.items()
    ]


async def during(server: str, fault: Fault, act: Act) -> None:
    """Under load; without the server some of the load may have to wait until it is back."""
    loading = asyncio.create_task(act.load.send())
    await asyncio.sleep(0.4)
    await fault(act.world, server)
    await loading


async def killed(world: World, server: str, seconds: float) -> None:
    world.kill(server)
    await asyncio.sleep(seconds)
    world.start(server)
    await world.ready(server)


async def restarted(world: World, server: str) -> None:
    world.stop(server)
    world.start(server)
    await world.ready(server)


async def paused(world: World, server: str, seconds: float = AWAY) -> None:
    world.signal(server, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    world.signal(server, signal.SIGCONT)
    await world.ready(server)


async def flapping(world: World, server: str) -> None:
    for _ in range(3):
        world.kill(server)
        await asyncio.sleep(1.5)
        world.start(server)
        await world.ready(server)
        await asyncio.sleep(1)


async def disk_full(world: World, server: str) -> None:
    """Some servers end for it; they are started again when there is room."""
    if not world.disks.mounted:
        pytest.skip("a full disk needs a small one: only root may mount a tmpfs")
    world.disks.fill(server)
    await asyncio.sleep(AWAY)
    world.disks.empty()
    await world.revive(server)


# ---- at an effect ----------------------------------------------------------------------------------------------------


def _struck_at_an_effect() -> list[Case]:
    """The server dies with a request in its hands: the outcome is unknown to the one who waits for it."""
    return [
        Case(
            kind="server",
            part=effect.server,
            fault=f"SIGKILL {side} it acknowledges to {effect.hop}: {effect.name}",
            expected="the outcome is unknown, so it is done again and changes nothing",
            cause=partial(struck, effect, side),
            quick=effect.server == "mariadb" and side is Side.AFTER,
        )
        for effect in EFFECTS
        if effect.server != "kafka" or (effect.hop == "embedding" and effect.name in ("publish", "commit"))
        for side in Side
    ]


async def struck(effect: Effect, side: Side, act: Act) -> None:
    world = act.world
    trap = Trap(effect.is_in, side, lambda: world.strike(effect.server))
    world.proxy.arm(world.links[effect.hop.split()[0], effect.server], trap)
    loading = asyncio.create_task(act.load.send())
    fired = await asyncio.to_thread(trap.sprung.wait, FIRES_WITHIN)
    assert fired, f"{effect.hop} never came to: {effect.name}"
    await asyncio.sleep(1)
    await world.revive(effect.server)
    await loading


# ---- away from the start ---------------------------------------------------------------------------------------------


def _down_at_start() -> list[Case]:
    readers = {"kafka": ("ingest", "docproc", "embedding", "db_writer"), "mariadb": ("db_writer",)}
    readers["mongodb"] = ("db_writer",)
    return [
        Case("server", server, f"away when {service} starts", WAITED, partial(started_without, server, service))
        for server, services in readers.items()
        for service in services
    ]


async def started_without(server: str, service: str, act: Act) -> None:
    """For the broker the load comes afterwards: it would have nowhere to go."""
    world = act.world
    world.stop(service)
    world.kill(server)
    world.start(service)
    loading = asyncio.create_task(act.load.send())
    await asyncio.sleep(AWAY)
    assert world.alive(service), f"{service} ended without {server}"
    world.start(server)
    await world.ready(server)
    await loading
    await world.ready(service)


# ---- one bad row -----------------------------------------------------------------------------------------------------


def _one_bad_row() -> list[Case]:
    size = Size(documents=2, windows=125, readings=500, waves=1)
    expected = "it alone is a dead letter, its neighbours are written"
    return [Case("record", "db_writer", "one bad record among 500", expected, send, quick=True, size=size)]


async def send(act: Act) -> None:
    await act.load.send()
