"""Taking down a fleet that another process brought up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from compose.local.lifecycle import take_down
from compose.local.processes import FLEET_VARIABLE, leftovers
from compose.local.settings import LocalSettings
from compose.local.state import Endpoints, FleetState, Phase, ProcessIdentity, load_state

SUPERVISOR = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=os.environ | {sys.argv[1]: sys.argv[2]})
print("up", flush=True)
time.sleep(60)
"""


def test_down_leaves_nothing_running_where_the_supervisor_fails(tmp_path: Path) -> None:
    """A supervisor that ends without ending its processes is no stopped fleet: they are ended, and it is said."""
    settings = LocalSettings(state_dir=tmp_path / "state")
    settings.layout.create()
    fleet_id = uuid.uuid4().hex
    command = [sys.executable, "-c", SUPERVISOR, FLEET_VARIABLE, fleet_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "up\n"
        endpoints = Endpoints(gateway_url="", kafka="", mysql_url="", mongodb_url="")
        identity = ProcessIdentity.of(supervisor.pid)
        state = FleetState(fleet_id=fleet_id, supervisor=identity, company="demo", endpoints=endpoints)
        state.save(settings.layout.state)
        said: list[str] = []
        assert take_down(settings, said.append)
        assert leftovers(fleet_id) == []
        assert "ended 1 process that a killed supervisor had left" in said
    stopped = load_state(settings.layout.state)
    assert stopped is not None
    assert stopped.phase is Phase.FAILED


def test_no_fleet_is_no_fleet(tmp_path: Path) -> None:
    """Where none was ever started there is nothing to stop."""
    assert take_down(LocalSettings(state_dir=tmp_path / "state"), lambda _: None) is False


def test_a_process_is_known_by_its_start_and_not_by_the_clock() -> None:
    """What names a process has nothing of the clock in it, which may be set while the process lives."""
    mine = ProcessIdentity.of(os.getpid())
    assert mine.process() is not None
    if sys.platform == "linux":
        assert 0 < mine.started_at <= time.clock_gettime(time.CLOCK_BOOTTIME)
