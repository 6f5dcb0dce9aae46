"""The demo's events: made-up ratings and measurements, through the gateway, to rows in MySQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

from rich.table import Table

from cauce.cluster import stream_named
from cauce.console import out, say
from cauce.gateway import Gateway
from cauce.sending import GatewayTarget, Sender, Wanted
from compose.local.outcome import StreamOutcome, read_stream
from compose.local.remembered import development_key
from compose.local.settings import LocalSettings
from compose.local.state import FleetState
from shared.streams.declaration import Stream
from shared.streams.generators.models import model_for

STREAMS = ("ratings", "sensors.sound", "sensors.air")
EVENTS = 300
RATE = 100.0
GOING_ON_RATE = 10.0
SECONDS = 90.0
SEED = 7


async def show(state: FleetState, settings: LocalSettings) -> list[str]:
    """Send some events to each stream, wait for their windows, print what came out. Returns what is missing."""
    streams = [stream_named(name) for name in STREAMS]
    say(f"\nsending {EVENTS} events each to {', '.join(STREAMS)}")
    since = datetime.now(UTC)
    async with Gateway(state.endpoints.gateway_url, development_key(settings.layout.api_key)) as gateway:
        await asyncio.gather(*(_sender(stream, gateway, Wanted(RATE, count=EVENTS)).run() for stream in streams))
    outcomes = [await _settled(state, stream, since) for stream in streams]
    table = Table.grid(padding=(0, 2))
    for stream, outcome in zip(streams, outcomes, strict=True):
        table.add_row(f"  {stream.name}", *_described(stream, outcome))
    out.print(table)
    return [problem for stream, outcome in zip(streams, outcomes, strict=True) for problem in _missing(stream, outcome)]


@asynccontextmanager
async def going_on(state: FleetState, settings: LocalSettings) -> AsyncIterator[None]:
    """A few events a second while the block lasts, so that the dashboard has something to show."""
    async with Gateway(state.endpoints.gateway_url, development_key(settings.layout.api_key)) as gateway:
        senders = [_sender(stream_named(name), gateway, Wanted(GOING_ON_RATE)) for name in STREAMS]
        tasks = [asyncio.create_task(sender.run()) for sender in senders]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _sender(stream: Stream, gateway: Gateway, wanted: Wanted) -> Sender:
    return Sender(stream, model_for(stream, SEED), GatewayTarget(gateway, stream), wanted, Random(SEED))  # noqa: S311


async def _settled(state: FleetState, stream: Stream, since: datetime) -> StreamOutcome:
    """Once everything is there, or after a while as it is then."""
    deadline = asyncio.get_running_loop().time() + SECONDS
    while True:
        outcome = await asyncio.to_thread(read_stream, state.endpoints, stream, since)
        if not _missing(stream, outcome) or asyncio.get_running_loop().time() > deadline:
            return outcome
        await asyncio.sleep(0.5)


def _missing(stream: Stream, outcome: StreamOutcome) -> list[str]:
    found = [
        f"{stream.name}: `{table}` counts {events} events of {EVENTS}"
        for table, (_, events) in outcome.windows.items()
        if events < EVENTS
    ]
    if outcome.readings is not None and outcome.readings < EVENTS:
        found.append(f"{stream.name}: MongoDB has {outcome.readings} readings of {EVENTS}")
    return found


def _described(stream: Stream, outcome: StreamOutcome) -> Sequence[str]:
    rows = ", ".join(f"{count} rows in {table}" for table, (count, _) in outcome.windows.items())
    readings = f", {outcome.readings} in {stream.readings.collection}" if stream.readings else ""
    return (f"{EVENTS} events", rows + readings)
