"""A process for tests: a service without Kafka whose behaviour is chosen by its first argument."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import Fatal, Transient
from shared.runtime.health import Health
from shared.runtime.service import Service, main
from shared.settings import CommonSettings

tries = 0


async def prepare() -> None:
    """Away for the first tries, as a broker that starts later."""
    global tries  # noqa: PLW0603 the process is the test's own
    tries += 1
    if tries < 3:
        raise Transient("the broker is away")


async def job() -> None:
    """Runs on, or ends in one of the ways a job must not."""
    await asyncio.sleep(0.2)
    if sys.argv[1] == "fatal":
        raise Fatal("a declaration contradicts the broker")
    if sys.argv[1] == "vanishes":
        raise asyncio.CancelledError
    await asyncio.Event().wait()


@asynccontextmanager
async def build(settings: CommonSettings) -> AsyncIterator[Service]:
    yield Service(Health("small"), settings.health_host, settings.health_port, prepare, jobs=(job,))
    sys.stdout.write("taken apart\n")


if __name__ == "__main__":
    main("small", CommonSettings, build)
