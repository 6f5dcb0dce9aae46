"""What `cauce doctor` looks at in the folder of a fleet: does it run, what died, which ports are taken."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from compose.local.checks import Finding, Level
from compose.local.errors import LocalStackError
from compose.local.plan import SERVER_PORTS
from compose.local.ports import HOST, is_free, owner
from compose.local.processes import leftovers, tail
from compose.local.program import Kind
from compose.local.remembered import Remembered
from compose.local.services import GATEWAY
from compose.local.settings import Layout
from compose.local.state import FleetState, Health, Phase, ProcessState, load_state
from shared.topics import UPLOADS_RECEIVED

_SECONDS = 3

_ASK_SECONDS = 3.0


def fleet(layout: Layout) -> Iterator[Finding]:
    """Everything about the fleet of this folder. A broken state file is a finding too."""
    try:
        state = load_state(layout.state)
        remembered = Remembered.load(layout.remembered)
    except LocalStackError as error:
        yield Finding(Level.PROBLEM, str(error), error.advice)
        return
    if state is not None and state.alive():
        yield from _running(state, layout)
        return
    if state is not None:
        yield from _ended(state, layout)
    yield from taken_ports(remembered)


def _running(state: FleetState, layout: Layout) -> Iterator[Finding]:
    yield Finding(Level.OK, f"a fleet is {state.phase} here (supervisor pid {state.supervisor.pid})")
    for process in state.processes:
        yield from _process(process, layout, state.phase)
    yield from _durability(state.endpoints.gateway_url)


def _durability(gateway: str) -> Iterator[Finding]:
    """What an accepted upload is worth, in the gateway's words. One that doesn't answer is a finding of its own."""
    try:
        answer = httpx.get(f"{gateway}/ready", timeout=_SECONDS, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return
    if known := answer.get("durability", {}).get(UPLOADS_RECEIVED.name):
        safe = (known["min_insync_replicas"] or 0) > 1
        yield Finding(Level.OK if safe else Level.NOTE, f"`{UPLOADS_RECEIVED.name}`: {known['meaning']}")


def _process(process: ProcessState, layout: Layout, phase: Phase) -> Iterator[Finding]:
    if process.health is Health.RESTARTING or (process.health is not Health.READY and phase is Phase.RUNNING):
        text = f"{process.name} is {process.health}: {process.reason}\n{last_words(layout, process.name)}"
        yield Finding(Level.PROBLEM, text, f"cauce logs {process.name} -n 200")
        return
    for name, sentence in warnings(process).items():
        yield Finding(Level.PROBLEM, f"{process.name} is ready, but {name}: {sentence}")
    if process.restarts:
        times = "once" if process.restarts == 1 else f"{process.restarts} times"
        yield Finding(Level.NOTE, f"{process.name} was started again {times}; the last one: {process.last_exit}")


def warnings(process: ProcessState) -> dict[str, str]:
    """What a service that is ready says should be looked at, by name; none where it can't be asked."""
    if process.kind is not Kind.SERVICE or process.port is None or process.health is not Health.READY:
        return {}
    try:
        answer = httpx.get(f"http://{HOST}:{process.port}/ready", timeout=_ASK_SECONDS, trust_env=False)
        return {str(name): str(sentence) for name, sentence in answer.json()["warnings"].items()}
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # whether it answers is its health's to tell


def _ended(state: FleetState, layout: Layout) -> Iterator[Finding]:
    left = leftovers(state.fleet_id)
    if left:
        names = ", ".join(f"{process.pid}" for process in left)
        yield Finding(Level.PROBLEM, f"the supervisor was killed and left processes running: {names}", "cauce down")
    elif state.phase not in (Phase.STOPPED, Phase.FAILED):
        yield Finding(Level.NOTE, f"stale state: the supervisor was killed while {state.phase}; `cauce up` tidies up")
    elif state.phase is Phase.FAILED:
        yield Finding(Level.PROBLEM, f"the last fleet failed: {state.message}", f"read the logs in `{layout.logs}`")
    for process in state.processes:
        if process.restarts:
            text = f"in the last fleet {process.name} died, at the end it {process.last_exit}"
            yield Finding(Level.NOTE, text, f"cauce logs {process.name} -n 200")


def taken_ports(remembered: Remembered) -> Iterator[Finding]:
    """Ports that the next start will want and that somebody else has."""
    for name, port in remembered.ports.items():
        fixed = name in SERVER_PORTS or name.startswith(GATEWAY)
        if fixed and not is_free(port):
            advice = f"stop it, or choose another: cauce up --port {name}=PORT"
            yield Finding(Level.PROBLEM, f"port {port} for {name} is taken by {owner(port)}", advice)


def last_words(layout: Layout, process: str) -> str:
    """The end of a process's log, indented."""
    return "\n".join(f"    {line}" for line in tail(layout.log(process), 8)) or "    (it wrote nothing)"
