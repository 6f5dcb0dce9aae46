"""The endpoint decides as everybody does (tests/suites/verdicts.py), however an event is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api_gateway import broker_clock, events
from shared.errors import Code
from tests.services.api_gateway.world import World
from tests.services.api_gateway.world import world as make
from tests.suites.verdicts import CASES, Case, streams

POSSIBLE = [
    case for case in CASES if case.value is not None and not case.headers and not streams()[case.stream].of_pipeline
]
"""A sender has no say over headers, so that none comes in as put back."""


def alone(case: Case) -> tuple[bytes, str] | None:
    """A body that begins like an array is one."""
    value = case.value or b""
    return None if value.strip().startswith(b"[") else (value, "application/json")


def as_line(case: Case) -> tuple[bytes, str] | None:
    """A line has no line breaks within, and a blank one is no event."""
    value = case.value or b""
    return None if b"\n" in value or not value.strip() else (value, "application/x-ndjson")


def in_an_array(case: Case) -> tuple[bytes, str] | None:
    """What is no JSON spoils the array; blanks around an item belong to the array."""
    value = case.value or b""
    unfit = case.expected in (Code.INVALID_JSON, Code.TOO_LARGE) or value != value.strip()
    return None if unfit else (b"[" + value + b"]", "application/json")


@pytest.mark.parametrize("sent", [alone, as_line, in_an_array])
async def test_the_endpoint_decides_as_everybody_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: Callable[[Case], tuple[bytes, str] | None]
) -> None:
    """A good event is in its topic with the bytes that it was sent as; a bad one is refused with the same code."""
    world = make(tmp_path, tuple(streams().values()))
    async with world.client() as client:
        for case in POSSIBLE:
            if request := sent(case):
                monkeypatch.setattr(events, "clock", lambda case=case: case.timestamp)
                # What the broker's clock is for is another test's concern: here it agrees.
                world.broker.ahead[0] = case.timestamp - broker_clock.clock()
                assert await decided(world, client, case, *request) == wanted(case), case.name


async def decided(world: World, client: httpx.AsyncClient, case: Case, content: bytes, kind: str) -> list[Any]:
    """The codes of what was refused, and the values of what was written."""
    for log in world.broker.logs.values():
        log.clear()
    response = await client.post(f"/events/{case.stream}", content=content, headers={"Content-Type": kind})
    codes = [error["code"] for error in response.json()["errors"]]
    return [response.status_code, *codes, *(r.value for r in world.broker.read(streams()[case.stream].topic_name))]


def wanted(case: Case) -> list[Any]:
    return [422, case.expected] if isinstance(case.expected, Code) else [202, case.value]
