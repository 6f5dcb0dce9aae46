"""`cauce status`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from cauce.console import out
from compose.local.errors import LocalStackError
from compose.local.settings import LocalSettings
from compose.local.state import FleetState, Health, Phase, ProcessState, load_state
from compose.local.usage import Meter, Usage
from shared.errors import Transient
from shared.kafka.client import Connection
from shared.kafka.lag import Lag, read_lag

_COLOURS = {Health.READY: "green", Health.STARTING: "yellow", Health.UNREADY: "yellow", Health.RESTARTING: "red"}
_SECONDS = 1.0


def status(
    once: Annotated[bool, typer.Option("--once", help="Show it once, also on a terminal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every process, its health and restarts, and how far each consumer group is behind.

    On a terminal the table stays and changes until Ctrl-C. Ends with 1 where no fleet runs.

    \b
    cauce status
    cauce status --once
    cauce status --json | jq '.processes[] | select(.health != "ready")'
    """
    settings = LocalSettings()
    state = _current(settings)
    meter = Meter()
    meter.look(state)
    if as_json:
        out.print_json(as_document(state, _lag(state), _usage(meter, state)))
    elif once or not out.is_terminal:
        out.print(render(state, _lag(state), _usage(meter, state)))
    else:
        _watch(settings, state, meter)
    if not state.alive():
        raise typer.Exit(1)


def _current(settings: LocalSettings) -> FleetState:
    state = load_state(settings.layout.state)
    if state is None:
        raise LocalStackError(f"no fleet was ever started in `{settings.layout.root}`", advice="cauce up")
    return state


def _usage(meter: Meter, state: FleetState) -> Mapping[str, Usage]:
    """Over a second."""
    time.sleep(_SECONDS)
    return meter.look(state)


def _watch(settings: LocalSettings, state: FleetState, meter: Meter) -> None:
    try:
        with Live(render(state, None, {}), console=out, auto_refresh=False) as live:
            while True:
                state = _current(settings)
                live.update(render(state, _lag(state), _usage(meter, state)), refresh=True)
    except KeyboardInterrupt:
        pass


def _lag(state: FleetState) -> list[Lag] | None:
    """None while it cannot be known."""
    if not state.alive() or state.phase is not Phase.RUNNING:
        return None
    try:
        return asyncio.run(read_lag(Connection(state.endpoints.kafka, "cauce-status")))
    except (Transient, TimeoutError):
        return None


def render(state: FleetState, lag: list[Lag] | None, usage: Mapping[str, Usage]) -> RenderableType:
    """The whole picture: a line about the fleet, the processes, the lag."""
    return Group(headline(state), "", processes_table(state, usage), *([""] if lag else []), *_lag_table(lag))


def headline(state: FleetState) -> str:
    if not state.alive():
        last = state.phase if state.phase in (Phase.STOPPED, Phase.FAILED) else "killed"
        detail = f": {state.message.splitlines()[0]}" if state.message else ""
        return f"no fleet is running; the last one {'was' if last == 'killed' else 'has'} {last}{detail}"
    detail = f" ({state.message})" if state.message else ""
    return f"fleet {state.phase}{detail}, gateway {state.endpoints.gateway_url}"


def processes_table(state: FleetState, usage: Mapping[str, Usage]) -> Table:
    """`cpu` is in percent of one core; the last row is of all together, the supervisor included."""
    table = Table("process", "health", "pid", "port", "restarts", "cpu", "memory", "", box=None, pad_edge=False)
    for process in state.processes:
        table.add_row(*_row(process, state.alive(), usage.get(process.name)))
    if usage:
        together = Usage(sum(each.cpu for each in usage.values()), sum(each.memory for each in usage.values()))
        table.add_row("together", "", "", "", "", *_used(together))
    return table


def _used(usage: Usage | None) -> tuple[str, str]:
    return (f"{usage.cpu:.0f} %", f"{usage.memory / 2**20:.0f} MiB") if usage else ("-", "-")


def _row(process: ProcessState, supervised: bool, usage: Usage | None) -> tuple[str, ...]:
    health = process.health if supervised else Health.STOPPED
    colour = _COLOURS.get(health, "dim")
    note = process.reason or (f"last {process.last_exit}" if process.last_exit else "")
    pid = str(process.identity.pid) if process.identity and supervised else "-"
    return (
        process.name,
        f"[{colour}]{health}[/]",
        pid,
        str(process.port or "-"),
        str(process.restarts),
        *_used(usage),
        note[:100].replace("[", r"\["),
    )


def _lag_table(lag: list[Lag] | None) -> list[RenderableType]:
    if not lag:
        return []
    table = Table("group", "topic", "lag", box=None, pad_edge=False)
    for entry in lag:
        table.add_row(entry.group, entry.topic, str(entry.records))
    return [table]


def as_document(state: FleetState, lag: list[Lag] | None, usage: Mapping[str, Usage]) -> str:
    """The state file's content with three more fields: `alive`, `lag` (null while unknown), and `usage` by process:
    `cpu` in percent of one core, `memory` in bytes."""
    rows = [dataclasses.asdict(entry) for entry in lag] if lag is not None else None
    used = {name: dataclasses.asdict(each) for name, each in usage.items()}
    return json.dumps({**state.model_dump(mode="json"), "alive": state.alive(), "lag": rows, "usage": used})
