"""A gateway whose tail runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.api_gateway.status_tail import StatusTail
from shared.errors import Transient
from tests.services.api_gateway.world import World
from tests.services.api_gateway.world import world as make


async def again_and_again(tail: StatusTail) -> None:
    """As the service runs its jobs."""
    while True:
        with contextlib.suppress(Transient):
            await tail.run()
        await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = make(tmp_path / "objects")
    reading = asyncio.create_task(again_and_again(made.tail))
    yield made
    made.view.close()
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as opened:
        yield opened
