"""Every way between a service and a server, broken in each manner that a network knows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from tests.faults.cases import Act, Case
from tests.faults.links import Mode

WAYS = (
    ("ingest", "kafka"),
    ("docproc", "kafka"),
    ("embedding", "kafka"),
    ("db_writer", "kafka"),
    ("db_writer", "mariadb"),
    ("db_writer", "mongodb"),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """For `seconds`, under load."""

    mode: Mode
    seconds: float
    fault: str


TROUBLES = (
    Trouble(Mode.CUT, 6, "unreachable"),
    Trouble(Mode.RESET, 4, "each message reset half-way"),
    Trouble(Mode.DELAY, 5, "slow: 0.2 s for each message"),
    Trouble(Mode.DRIP, 5, "slow drip: 2 kB/s"),
    Trouble(Mode.HALF_OPEN, 6, "half-open: connected, nothing comes through"),
)
QUICK = {("db_writer", "mongodb", Mode.CUT), ("docproc", "kafka", Mode.CUT), ("db_writer", "mariadb", Mode.HALF_OPEN)}


def cases() -> list[Case]:
    return [
        Case(
            kind="network",
            part=f"{service} to {server}",
            fault=f"{trouble.fault}, for {trouble.seconds:g} s",
            expected="an outage: waited for, nothing dead-lettered, and it goes on where it was",
            cause=partial(suffer, service, server, trouble),
            quick=(service, server, trouble.mode) in QUICK,
        )
        for service, server in WAYS
        for trouble in TROUBLES
    ]


async def suffer(service: str, server: str, trouble: Trouble, act: Act) -> None:
    """Begins between two waves of the load, and ends by itself."""
    link = act.world.links[service, server]
    before = link.troubled
    loading = asyncio.create_task(act.load.send())
    await asyncio.sleep(0.4)
    act.world.proxy.set(link, trouble.mode)
    await asyncio.sleep(trouble.seconds)
    act.world.proxy.set(link, Mode.PASS)
    await loading
    assert link.troubled > before, f"nothing went from {service} to {server} meanwhile"
