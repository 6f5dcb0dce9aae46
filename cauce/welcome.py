"""What is said when a fleet is up: where everything is, and what to try."""

from __future__ import annotations

from rich.table import Table

from cauce.console import cauce, out, say
from compose.local.remembered import development_key
from compose.local.settings import Layout
from compose.local.state import FleetState


def welcome(state: FleetState, layout: Layout) -> None:
    """Print the addresses, the development key and first commands."""
    key = development_key(layout.api_key)
    say("")
    out.print(addresses(state, key))
    if state.message:
        say(f"{state.message}; see why: cauce doctor")
    say("\nnext:")
    for line in next_steps():
        say(f"  {line}")


def next_steps() -> list[str]:
    """Commands to go on with, as they work from here, and what they do."""
    name = cauce()
    steps = [
        (f"{name} upload FILE…", "put your own documents in"),
        (f"{name} generate ratings --rate 100", "events that look real, into a declared stream"),
        (f"{name} streams list", "the declared streams"),
        (f"{name} status", "processes, health, restarts, lag"),
        (f"{name} logs docproc -f", "what a process says"),
        (f"{name} doctor", "what is wrong, and what to do"),
    ]
    width = max(len(step) for step, _ in steps)
    return [f"{step:<{width}}   {meaning}" for step, meaning in steps]


def addresses(state: FleetState, key: str) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in address_rows(state, key):
        table.add_row(name, value)
    return table


def address_rows(state: FleetState, key: str) -> list[tuple[str, str]]:
    where = state.endpoints
    rows = [
        ("gateway", f"{where.gateway_url}  (its API: {where.gateway_url}/docs)"),
        *([("dashboard", where.dashboard_url)] if where.dashboard_url else []),
        ("API key", f"{key}  (company `{state.company}`)"),
        ("Kafka", where.kafka),
        ("MySQL", where.mysql_url),
        ("MongoDB", f"{where.mongodb_url}  (database `{where.mongodb_database}`)"),
    ]
    return rows if where.gateway_url else rows[-3:]
