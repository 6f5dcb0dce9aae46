"""One world for all cases: they mend what they break."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy
from tests.faults.world import World


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Kafka, MariaDB, MongoDB, and one process of each service of the pipeline; no Spark, no dashboard."""
    with Proxy() as proxy:
        world = World(tmp_path_factory.mktemp("world"), proxy)
        try:
            asyncio.run(world.begin())
            yield world
        finally:
            world.end()
