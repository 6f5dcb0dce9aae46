"""A gateway whose tails run."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.api_gateway.tail import Tail
from shared.errors import Transient
from shared.kafka.client import Connection
from tests.fleet.harness import Fleet
from tests.services.api_gateway.world import World
from tests.services.api_gateway.world import world as make


async def again_and_again(tail: Tail) -> None:
    """As the service runs its jobs."""
    while True:
        with contextlib.suppress(Transient):
            await tail.run()
        await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = make(tmp_path / "objects")
    await made.upload_log.look()
    reading = [asyncio.create_task(again_and_again(tail)) for tail in (made.tail, made.metrics)]
    yield made
    made.view.close()
    made.gateway.live.close()
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as opened:
        yield opened


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Connection:
    """`CAUCE_TEST_KAFKA` spares the start of a fleet."""
    address = os.environ.get("CAUCE_TEST_KAFKA")
    return Connection(address) if address else _fleet(request).kafka


@pytest.fixture(scope="session")
def mongodb_url(request: pytest.FixtureRequest) -> str:
    """`CAUCE_TEST_MONGODB_URL` spares the start of a fleet."""
    return os.environ.get("CAUCE_TEST_MONGODB_URL") or _fleet(request).state.endpoints.mongodb_url


@pytest.fixture(scope="session")
def mysql_url(request: pytest.FixtureRequest) -> str:
    """`CAUCE_TEST_MYSQL_URL` spares the start of a fleet."""
    return os.environ.get("CAUCE_TEST_MYSQL_URL") or _fleet(request).state.endpoints.mysql_url


def _fleet(request: pytest.FixtureRequest) -> Fleet:
    fleet: Fleet = request.getfixturevalue("fleet")
    return fleet
