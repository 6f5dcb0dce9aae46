"""`cauce up`."""

from __future__ import annotations

from typing import Annotated

import typer

from cauce.console import out, say
from cauce.options import Port, Scale
from cauce.welcome import welcome
from compose.local.detach import start_detached
from compose.local.fleet import until_signal
from compose.local.lifecycle import run_fleet
from compose.local.plan import Wish, parse_ports
from compose.local.progress import fetching_for
from compose.local.services import parse_scale
from compose.local.settings import LocalSettings
from compose.local.state import FleetState


def up(
    scale: Scale = None,
    port: Port = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when it is up; `cauce down` ends it.")] = False,
) -> None:
    """Start the fleet: Kafka, MariaDB, MongoDB and every service, as plain processes.

    What is missing is fetched the first time. Ctrl-C drains and stops everything; the data stays for the next start.

    \b
    cauce up
    cauce up --scale docproc=2 --scale embedding=2
    cauce up --detach --port gateway=8080
    """
    settings = LocalSettings()
    wish = Wish(parse_scale(scale or []), parse_ports(port or []))
    if detach:
        state = start_detached(wish, settings, fetching_for(out), say)
        welcome(state, settings.layout)
        raise typer.Exit(1 if state.message else 0)

    async def work(state: FleetState) -> int:
        welcome(state, settings.layout)
        say("Ctrl-C stops everything")
        return await until_signal(state)

    run_fleet(wish, settings, fetching_for(out), say, work)
    say("stopped")
