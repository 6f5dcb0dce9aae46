from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from compose.local.errors import LocalStackError
from compose.local.remembered import Remembered, development_key
from compose.local.state import Endpoints, FleetState, ProcessIdentity, load_state, running_state

WHERE = Endpoints(gateway_url="", kafka="", mysql_url="", mongodb_url="")


def state_of(supervisor: ProcessIdentity) -> FleetState:
    return FleetState(fleet_id="id", supervisor=supervisor, company="demo", endpoints=WHERE)


def test_a_living_supervisor_is_alive() -> None:
    """A state whose supervisor runs is current."""
    assert state_of(ProcessIdentity.of(os.getpid())).alive()


def test_a_used_again_pid_is_stale() -> None:
    """Another process with the supervisor's old id is not taken for it."""
    mine = ProcessIdentity.of(os.getpid())
    assert not state_of(ProcessIdentity(pid=mine.pid, started_at=mine.started_at - 60)).alive()


def test_a_dead_supervisor_is_stale() -> None:
    """A state whose supervisor has ended is stale, also before its parent took notice."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not state_of(identity).alive()
    process.communicate()
    assert not state_of(identity).alive()


def test_state_is_kept_private(tmp_path: Path) -> None:
    """The state holds a password, so no other user can read it."""
    state_of(ProcessIdentity.of(os.getpid())).save(tmp_path / "state.json")
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
    assert load_state(tmp_path / "state.json") == state_of(ProcessIdentity.of(os.getpid()))


def test_no_state_is_no_fleet(tmp_path: Path) -> None:
    """Where nothing was started the error says how to start."""
    assert load_state(tmp_path / "state.json") is None
    with pytest.raises(LocalStackError) as raised:
        running_state(tmp_path / "state.json")
    assert "cauce up" in raised.value.advice


@pytest.mark.parametrize("content", ["", "{", '{"fleet_id": 1}'])
def test_a_broken_state_says_what_to_do(tmp_path: Path, content: str) -> None:
    """A file that was cut or is from another version leads to an explanation."""
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(LocalStackError) as raised:
        load_state(tmp_path / "state.json")
    assert raised.value.advice


def test_what_is_remembered_stays(tmp_path: Path) -> None:
    """Password, cluster id, ports and API key are the same after a restart."""
    first = Remembered(ports={"kafka": 9092})
    first.save(tmp_path / "remembered.json")
    assert Remembered.load(tmp_path / "remembered.json") == first
    assert len(first.kafka_cluster_id) == 22
    assert development_key(tmp_path / "key") == development_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
