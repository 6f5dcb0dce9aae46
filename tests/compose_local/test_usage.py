from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from compose.local.program import Kind
from compose.local.state import Endpoints, FleetState, ProcessIdentity, ProcessState
from compose.local.usage import SUPERVISOR, Meter


@pytest.fixture
def busy() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process.pid
    process.kill()
    process.wait()


def test_a_busy_process_is_seen(busy: int) -> None:
    """The second look tells what each process took since the first; one that has ended took nothing."""
    gone = ProcessIdentity(pid=busy, started_at=1.0)
    state = FleetState(
        fleet_id="id",
        supervisor=ProcessIdentity.of(os.getpid()),
        company="demo",
        endpoints=Endpoints(gateway_url="", kafka="", mysql_url="", mongodb_url=""),
        processes=[
            ProcessState(name="busy", kind=Kind.SERVICE, identity=ProcessIdentity.of(busy)),
            ProcessState(name="gone", kind=Kind.SERVICE, identity=gone),
        ],
    )
    meter = Meter()
    assert meter.look(state) == {}
    time.sleep(0.5)
    seen = meter.look(state)
    assert seen["busy"].cpu > 5
    assert seen["busy"].memory > 2**20
    assert (seen["gone"].cpu, seen["gone"].memory) == (0.0, 0)
    assert seen[SUPERVISOR].memory > 2**20
