from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx

from services.api_gateway import live_view
from services.api_gateway.live_view import LiveView, RowUpdate, RowWatch
from services.api_gateway.routes_live import rows
from shared.kafka.records import Outgoing
from shared.topics import PROCESSED_METRICS
from tests.services.api_gateway.world import World


def tell(world: World, table: str, count: int, **more: Any) -> None:
    """A row as streaming publishes it."""
    start = "2026-01-02T03:04:00.000Z"
    value = {"_table_name": table, "_epoch": 1, "window_start": start, "count": count} | more
    key = f"{table}|{start}|{more.get('movieId', '')}"
    world.broker.append(Outgoing(PROCESSED_METRICS.name, key.encode(), json.dumps(value).encode()))


async def watched(view: LiveView) -> None:
    while not view._watches:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def test_rows_as_they_are_computed(world: World, client: httpx.AsyncClient) -> None:
    """Those of the stream's tables, without the columns that are for machines; the stream ends with the process."""
    await world.metrics.caught_up(1)
    reading = asyncio.create_task(client.get("/streams/ratings/live"))
    await watched(world.gateway.live)
    tell(world, "air_metrics_1m", 1)
    tell(world, "movie_metrics_1m", 3, movieId=5, _newest=int(time.time() * 1000))
    assert await world.metrics.caught_up(1)
    await asyncio.sleep(0.01)
    world.gateway.live.close()
    async with asyncio.timeout(20):
        response = await reading
    [block] = response.text.replace("\r\n", "\n").strip().split("\n\n")
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    assert fields["event"] == "window"
    row = {"window_start": "2026-01-02T03:04:00.000Z", "count": 3, "movieId": 5}
    assert json.loads(fields["data"]) == {"table": "movie_metrics_1m", **row}


async def test_a_slow_reader_gets_the_newest_of_each_row() -> None:
    """However many updates there were meanwhile."""
    view = LiveView()
    events = rows(view, frozenset({"t"}))
    first = asyncio.ensure_future(anext(events))
    await watched(view)
    for count in range(1, 500):
        for key in (b"a", b"b"):
            view.add(RowUpdate("t", key, {"key": key.decode(), "count": count}))
    told = [json.loads(event.data or "") for event in (await first, await anext(events))]
    assert sorted((row["key"], row["count"]) for row in told) == [("a", 499), ("b", 499)]
    view.close()
    assert [event async for event in events] == []


async def test_a_reader_who_reads_nothing_stays_small() -> None:
    """Of more rows than are kept the ones that waited longest are forgotten."""
    watch = RowWatch(frozenset({"t"}))
    for number in range(live_view.WAITING_ROWS + 10):
        watch.add(RowUpdate("t", str(number).encode(), {}))
    assert len(watch._rows) == live_view.WAITING_ROWS
    watch.close()


async def test_latency_and_last_update(world: World, client: httpx.AsyncClient) -> None:
    """From the newest event of a row to the row's own record; what is no row of ours is passed over."""
    assert await world.metrics.caught_up(1)
    now = int(time.time() * 1000)
    for n in range(3):
        tell(world, "movie_metrics_1m", n, movieId=n, _newest=now - 1000)
    tell(world, "users", 1)
    tell(world, "rating_metrics_1m", 1, _control="truncate")
    world.broker.append(Outgoing(PROCESSED_METRICS.name, b"movie_metrics_1m|x", b"junk"))
    assert await world.metrics.caught_up(1)
    latency = (await client.get("/streams/ratings/stats")).json()["latency_ms"]
    assert latency["samples"] == 3
    assert 1000 <= latency["p50"] <= latency["p99"] < 5000
    assert (await client.get("/metrics/health")).json()["last_update"] is not None
    other = (await client.get("/streams/sensors.air/stats")).json()["latency_ms"]
    assert other == {"p50": None, "p95": None, "p99": None, "samples": 0}
