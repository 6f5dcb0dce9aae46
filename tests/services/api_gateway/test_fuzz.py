"""The API against requests that are made from its own description, good and bad ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from services.api_gateway.app import api
from shared.contracts.documents import Stage, State
from tests.services.api_gateway.conftest import again_and_again
from tests.services.api_gateway.serving import serving
from tests.services.api_gateway.world import OPERATOR_KEY, World, status
from tests.services.api_gateway.world import world as make

EXAMPLES = 15
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 1,
        "checks": {
            "positive_data_acceptance": {"enabled": False},
            "ignored_auth": {"enabled": False},
            "negative_data_rejection": {"expected-statuses": [400, 401, 404, 405, 409, 413, 415, 422, 431]},
        },
    }
)
"""A schema can't say which cursors, times and fields there are. Keys have tests of their own: of two headers the one
that isn't understood counts as missing."""
DOCUMENT = "0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"
"""The description has it as an example, so that some requests find something."""


def furnished(folder: Path) -> World:
    """With something to be found; whoever watches is told at once that there is no more to come."""
    world = make(folder, idle=2.0)
    done = status(DOCUMENT, State.COMPLETE, Stage.EMBEDDING, company_id="operations")
    world.store.add(done)
    world.view.close()
    world.gateway.live.close()
    return world


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a gateway with a loop of its own."""
    found: Future[str] = Future()
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(tmp_path_factory.mktemp("objects"), found, over)))
    thread.start()
    yield found.result(60)
    over.set()
    thread.join()


async def _serve(folder: Path, found: Future[str], over: threading.Event) -> None:
    world = furnished(folder)
    reading = [asyncio.create_task(again_and_again(tail)) for tail in (world.tail, world.metrics)]
    async with serving(world) as served:
        found.set_result(f"http://127.0.0.1:{served.port}")
        await asyncio.to_thread(over.wait)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


schema = schemathesis.openapi.from_dict(api().openapi(), config=CONFIG)


@schemathesis.serializer("application/x-ndjson")
def _as_text(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(address: str, case: Any) -> None:
    """No request gets a 500, and each answer's status, type and body are among those that the description names."""
    case.call_and_validate(base_url=address, headers={"X-API-Key": OPERATOR_KEY}, timeout=30)
