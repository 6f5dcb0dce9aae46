"""A fleet in the background: the same `cauce up`, in a session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

from compose.local.errors import LocalStackError
from compose.local.fleet import ONE_SHOT_SECONDS, SERVERS_READY_SECONDS, SERVICES_READY_SECONDS
from compose.local.lifecycle import clear_stale, only_supervisor, with_class_archives
from compose.local.machine import require_fit
from compose.local.plan import Wish
from compose.local.progress import Fetching
from compose.local.provision import provision
from compose.local.settings import LocalSettings
from compose.local.state import FleetState, Phase, load_state
from compose.local.supervised import Say

SUPERVISOR = "supervisor"
_LONGEST_SECONDS = SERVERS_READY_SECONDS + ONE_SHOT_SECONDS + SERVICES_READY_SECONDS + 60


def start_detached(wish: Wish, settings: LocalSettings, fetching: Fetching, say: Say) -> FleetState:
    """Start a fleet that outlives this command and wait until it is up, saying what it says meanwhile.

    Raises LocalStackError where it fails, after what it said itself.
    """
    require_fit()
    layout = settings.layout
    layout.create()
    with only_supervisor(layout):
        clear_stale(layout, say)
        # Here, where its progress can be seen.
        with_class_archives(provision(settings, os.environ, fetching), settings, say)
    log = layout.log(SUPERVISOR)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cauce", "up", *arguments(wish)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return _wait(process, log, settings, say)


def arguments(wish: Wish) -> list[str]:
    """The wish as options of `cauce up`."""
    scale = [word for name, count in wish.scale.items() for word in ("--scale", f"{name}={count}")]
    return scale + [word for name, port in wish.ports.items() for word in ("--port", f"{name}={port}")]


def _pass_on(lines: TextIO, say: Say) -> None:
    """Say what the supervisor has said since; its welcome, which begins with an empty line, is ours to say."""
    for line in lines:
        if line == "\n":
            lines.seek(0, os.SEEK_END)
            return
        say(line.rstrip("\n"))


def _wait(process: subprocess.Popen[bytes], log: Path, settings: LocalSettings, say: Say) -> FleetState:
    deadline = time.monotonic() + _LONGEST_SECONDS
    with log.open() as lines:
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            state = load_state(settings.layout.state)
            up = state is not None and state.supervisor.pid == process.pid and state.phase is Phase.RUNNING
            _pass_on(lines, say)
            if ended:
                raise LocalStackError("the fleet did not start", advice="see why: cauce doctor")
            if up and state is not None:
                return state
            time.sleep(0.2)
    raise LocalStackError("the fleet takes too long to start", advice="look at it: cauce status, cauce logs supervisor")
