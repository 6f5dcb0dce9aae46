"""`cauce demo`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from cauce import demo_streams, demo_summary
from cauce.console import out, say
from cauce.following import follow_all
from cauce.gateway import Gateway
from cauce.options import Scale
from cauce.upload import expand
from cauce.welcome import welcome
from compose.local.errors import LocalStackError
from compose.local.fleet import until_signal
from compose.local.lifecycle import run_fleet
from compose.local.outcome import Outcome, read_outcome
from compose.local.plan import Wish
from compose.local.progress import fetching_for
from compose.local.remembered import development_key
from compose.local.services import parse_scale
from compose.local.settings import ROOT, LocalSettings
from compose.local.state import FleetState, load_state

EXAMPLES = ROOT / "examples" / "documents"
DOCUMENTS_SECONDS = 300.0
WINDOWS_SECONDS = 90.0
_INTERRUPTED = 130


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Check what came out, stop everything, end with 0, or 1 and what is missing.")
    ] = False,
    scale: Scale = None,
) -> None:
    """See the whole of it work: a fleet, documents through every stage, events into windows, and what came out.

    It stays up until Ctrl-C, with a few events a second for the dashboard to show. Uses the fleet of this folder where
    one is up.

    \b
    cauce demo
    cauce demo --once
    cauce demo --scale docproc=2
    """
    settings = LocalSettings()
    running = load_state(settings.layout.state)
    if running is not None and running.alive():
        _on_running_fleet(running, settings, once)
        return

    async def work(state: FleetState) -> int:
        welcome(state, settings.layout)
        missing = await show(state, settings)
        if once:
            return 1 if missing else 0
        say(f"\nevents go on coming in: {state.endpoints.dashboard_url}\nCtrl-C stops everything")
        async with demo_streams.going_on(state, settings):
            return await until_signal(state)

    result = run_fleet(Wish(parse_scale(scale or [])), settings, fetching_for(out), say, work)
    say("stopped")
    if once:
        raise typer.Exit(_INTERRUPTED if result is None else result)


def _on_running_fleet(state: FleetState, settings: LocalSettings, once: bool) -> None:
    if once:
        raise LocalStackError("a fleet is running here, and `demo --once` wants its own", advice="cauce down")
    if asyncio.run(show(state, settings)):
        raise typer.Exit(1)


async def show(state: FleetState, settings: LocalSettings) -> list[str]:
    """Upload the examples, send some events, wait for what must come out, print it. Returns what is missing."""
    if state.message:
        say(f"\nmissing: {state.message}")
        return [state.message]
    since = datetime.now(UTC)
    files = expand([EXAMPLES])
    say(f"\nuploading {len(files)} documents from {EXAMPLES.relative_to(ROOT)}")
    async with Gateway(state.endpoints.gateway_url, development_key(settings.layout.api_key)) as gateway:
        followed = await follow_all(gateway, files, seconds=DOCUMENTS_SECONDS)
    ids = [item.document_id for item in followed if item.document_id]
    expected = sum(item.counts.chunks or 0 for item in followed)
    outcome = await _settled(state, ids, since, expected)
    problems = [*await demo_streams.show(state, settings), *demo_summary.missing(followed, outcome)]
    demo_summary.show(followed, outcome, state, settings, problems)
    return problems


async def _settled(state: FleetState, ids: list[str], since: datetime, chunks: int) -> Outcome:
    """The outcome once the windows count every chunk, or after a while as it is then."""
    deadline = asyncio.get_running_loop().time() + WINDOWS_SECONDS
    say("waiting for the window counts")
    while True:
        outcome = await asyncio.to_thread(read_outcome, state.endpoints, state.company, ids, since)
        if outcome.window_chunks >= chunks or asyncio.get_running_loop().time() > deadline:
            return outcome
        await asyncio.sleep(0.5)
