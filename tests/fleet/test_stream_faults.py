"""Processes and stores that go away while events flow: afterwards every window is right, to the last event."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.kafka.client import KafkaProducer
from shared.kafka.records import Outgoing
from tests.fleet.events import verified
from tests.fleet.harness import Fleet
from tests.fleet.test_streams import rating

pytestmark = [pytest.mark.fleet, pytest.mark.faults, pytest.mark.timeout(1200)]

RATE = 1_000
PACE_S = 0.05
STORE_AWAY_S = 60


async def under_load(fleet: Fleet, fault: Callable[[], Awaitable[None]]) -> int:
    """Sends `RATE` ratings a second straight to the topic from before the fault until after it; returns how many."""
    ended = asyncio.Event()
    sending = asyncio.create_task(_send_until(fleet, ended))
    try:
        await asyncio.sleep(5)
        await fault()
        await asyncio.sleep(5)
    finally:
        ended.set()
        sent = await sending
    return sent


async def _send_until(fleet: Fleet, ended: asyncio.Event) -> int:
    producer = KafkaProducer(fleet.kafka)
    sent, began = 0, time.monotonic()
    try:
        while not ended.is_set():
            due = int((time.monotonic() - began) * RATE) - sent
            values = [json.dumps(rating(sent + number)).encode() for number in range(due)]
            await producer.publish([Outgoing("ratings", value[:16], value) for value in values])
            sent += due
            await asyncio.sleep(PACE_S)
    finally:
        await producer.stop()
    return sent


@pytest.mark.parametrize("service", ["streaming", "db_writer"])
async def test_three_kills_under_load(fleet: Fleet, service: str) -> None:
    """SIGKILL three times at 1,000 events/s leaves no event out of its windows, and none in them twice."""

    async def three_kills() -> None:
        for _ in range(3):
            await fleet.until_restarted(service, fleet.kill(service))
            await asyncio.sleep(random.uniform(1, 4))

    assert await under_load(fleet, three_kills) > 10 * RATE
    verified(fleet, "ratings", seconds=180)


async def test_mysql_away_for_a_minute(fleet: Fleet) -> None:
    """Rows that could not be written for a minute are all there afterwards; no dead letter was written for it."""
    server = fleet.process("mariadb")

    async def away() -> None:
        server.suspend()
        try:
            await asyncio.sleep(STORE_AWAY_S)
        finally:
            server.resume()

    await under_load(fleet, away)
    verified(fleet, "ratings", seconds=180)


async def test_a_reset_under_load(fleet: Fleet) -> None:
    """While one stream is computed anew its readers never see a window lose events, the other streams run on, and in
    the end every row is of the new epoch."""
    await under_load(fleet, _nothing)
    verified(fleet, "ratings", seconds=120)
    whole = await _settled_windows(fleet)
    seen: list[dict[Any, int]] = []

    async def reset_and_look() -> None:
        code, said = fleet.cauce("streams", "reset", "ratings", "--reason", "a test")
        assert code == 0, said
        for _ in range(150):
            seen.append(await _settled_windows(fleet))
            await asyncio.sleep(0.2)

    await under_load(fleet, reset_and_look)
    verified(fleet, "ratings", seconds=180)
    for rows in seen:
        assert {start: rows.get(start) for start in whole} == whole
    assert fleet.rows("SELECT COUNT(*) FROM rating_metrics_1m WHERE _epoch < 2") == [(0,)]


async def _nothing() -> None:
    await asyncio.sleep(1)


async def _settled_windows(fleet: Fleet) -> dict[Any, int]:
    """Counts of the windows that are over and get no more events."""
    query = (
        "SELECT window_start, `count` FROM rating_metrics_1m WHERE window_end < UTC_TIMESTAMP() - INTERVAL 60 SECOND"
    )
    return dict(await asyncio.to_thread(fleet.rows, query))
