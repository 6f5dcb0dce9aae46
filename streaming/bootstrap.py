"""Puts the Spark application together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from shared.errors import Transient
from shared.runtime.health import Check, Health
from shared.runtime.service import Service
from streaming.driver import Driver
from streaming.progress import Pulse
from streaming.queries import chunk_counts_query
from streaming.settings import Settings


@dataclass(slots=True)
class QueriesHealth(Health):
    """Live while each query is heard of: an idle one every second, a failing one with each attempt."""

    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    stall_limit_s: float = 180.0

    def live(self) -> dict[str, str]:
        stalled = {name: pulse for name, pulse in self.pulses.items() if pulse.silence_s > self.stall_limit_s}
        return {name: f"no progress for {pulse.silence_s:.0f} s" for name, pulse in stalled.items() if self.started}


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Service]:
    queries = (chunk_counts_query(settings),)
    pulses = {query.name: Pulse() for query in queries}
    driver = Driver(settings, pulses)
    health = QueriesHealth(
        "streaming",
        checks={name: _running(pulse) for name, pulse in pulses.items()},
        pulses=pulses,
        stall_limit_s=settings.streaming_stall_limit.total_seconds(),
    )
    try:
        yield Service(
            health=health,
            host=settings.health_host,
            port=settings.health_port,
            prepare=driver.start,
            jobs=[partial(driver.run, query) for query in queries],
            on_stop=driver.stop,
        )
    finally:
        await driver.close()


def _running(pulse: Pulse) -> Check:
    async def check() -> None:
        if not pulse.ready:
            raise Transient("the query has not answered since its last start")

    return check
