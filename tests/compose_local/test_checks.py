from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from compose.local.checks import Level, cache, disk, java
from compose.local.errors import LocalStackError
from compose.local.fleet_checks import fleet
from compose.local.lifecycle import clear_stale, wipe
from compose.local.ports import HOST, free_port
from compose.local.processes import FLEET_VARIABLE
from compose.local.program import Kind
from compose.local.remembered import Remembered
from compose.local.settings import LocalSettings
from compose.local.state import Endpoints, FleetState, Health, Phase, ProcessIdentity, ProcessState, load_state
from shared.kafka.client import Replication
from shared.kafka.durability import described
from shared.runtime.health import Health as ProcessHealth
from shared.runtime.health import health_app
from shared.runtime.http import served

WHERE = Endpoints(gateway_url="", kafka="", mysql_url="", mongodb_url="")


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    settings = LocalSettings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    settings.layout.create()
    return settings


def save_state(settings: LocalSettings, supervisor: ProcessIdentity, **fields: object) -> FleetState:
    known = {"fleet_id": "test", "supervisor": supervisor, "company": "demo", "endpoints": WHERE}
    state = FleetState.model_validate({**known, **fields})
    state.save(settings.layout.state)
    return state


def mine() -> ProcessIdentity:
    return ProcessIdentity.of(os.getpid())


@contextmanager
def served_at(app: Starlette) -> Iterator[str]:
    """The address of an app that is served meanwhile."""
    server = uvicorn.Server(served(app, HOST, 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        yield f"http://{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def gone() -> ProcessIdentity:
    return ProcessIdentity(pid=os.getpid(), started_at=1.0)


def test_too_little_room_is_a_problem(settings: LocalSettings) -> None:
    """A nearly full disk is named, with how much is wanted and where else it may go."""
    problems = disk(settings, lambda path: 100_000_000)
    assert [finding.level for finding in problems] == [Level.PROBLEM] * 2
    assert "CAUCE_CACHE_DIR" in problems[0].advice


def test_enough_room_is_no_problem(settings: LocalSettings) -> None:
    """With room nothing is complained about."""
    assert {finding.level for finding in disk(settings, lambda path: 10**12)} == {Level.OK}


def test_without_java_one_will_be_fetched(settings: LocalSettings) -> None:
    """No Java is no problem, since there is one to fetch."""
    finding = java(settings, {"PATH": str(settings.cache_dir)})
    assert finding.level is Level.NOTE
    assert "fetches one" in finding.text


def test_an_empty_cache_is_no_problem(settings: LocalSettings) -> None:
    """Before the first start everything is still to be fetched."""
    (finding,) = cache(settings)
    assert finding.level is Level.NOTE
    assert "kafka" in finding.text


def test_a_taken_port_is_explained(settings: LocalSettings) -> None:
    """A remembered port that somebody took is found before the next start."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        Remembered(ports={"kafka": server.getsockname()[1]}).save(settings.layout.remembered)
        (finding,) = fleet(settings.layout)
    assert finding.level is Level.PROBLEM
    assert "is taken by pid" in finding.text


def test_a_dead_server_is_explained_with_its_last_words(settings: LocalSettings) -> None:
    """A process that keeps dying is shown with the end of its log."""
    settings.layout.log("kafka").write_text("disk failure\n")
    dead = ProcessState(name="kafka", kind=Kind.SERVER, health=Health.RESTARTING, reason="ended with exit code 1")
    save_state(settings, mine(), phase=Phase.RUNNING, processes=[dead])
    problem = list(fleet(settings.layout))[-1]
    assert problem.level is Level.PROBLEM
    assert "ended with exit code 1" in problem.text
    assert "disk failure" in problem.text
    assert problem.advice == "cauce logs kafka -n 200"


@pytest.mark.parametrize(("replication", "level"), [((1, 1, 1), Level.NOTE), ((3, 3, 2), Level.OK), (None, Level.NOTE)])
def test_the_durability_in_force_is_shown(
    settings: LocalSettings, replication: tuple[int, int, int] | None, level: Level
) -> None:
    """One replica is worth a note, as is a durability that isn't known; the sentence is the gateway's."""
    known = Replication(*replication, flush_messages=2**63 - 1) if replication else None
    fact = described(known, "kafka is away")
    with served_at(
        health_app(ProcessHealth("api_gateway", facts={"durability": lambda: {"uploads.received": fact}}))
    ) as url:
        save_state(settings, mine(), phase=Phase.RUNNING, endpoints=WHERE.model_copy(update={"gateway_url": url}))
        found = list(fleet(settings.layout))[-1]
    assert (found.level, found.text) == (level, f"`uploads.received`: {fact['meaning']}")


@pytest.fixture
def warning_port() -> Iterator[int]:
    """Where a service that is ready warns of something."""
    health = ProcessHealth(
        "x", started=True, warners=[lambda: {"stream ratings": "the clock of broker 1 is an hour ahead"}]
    )
    port = free_port(set())
    server = uvicorn.Server(uvicorn.Config(health_app(health), host=HOST, port=port, log_level="error"))
    serving = threading.Thread(target=server.run)
    serving.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    serving.join(10)


def test_what_a_ready_service_warns_of_is_a_problem(settings: LocalSettings, warning_port: int) -> None:
    """It is told with the service's own sentence; a service without warnings, or that can't be asked, adds nothing."""
    ready = [
        ProcessState(name="api_gateway", kind=Kind.SERVICE, health=Health.READY, port=warning_port),
        ProcessState(name="ingest", kind=Kind.SERVICE, health=Health.READY, port=free_port(set())),
        ProcessState(name="kafka", kind=Kind.SERVER, health=Health.READY, port=warning_port),
    ]
    save_state(settings, mine(), phase=Phase.RUNNING, processes=ready)
    running, *problems = fleet(settings.layout)
    assert running.level is Level.OK
    assert [(one.level, one.text) for one in problems] == [
        (Level.PROBLEM, "api_gateway is ready, but stream ratings: the clock of broker 1 is an hour ahead")
    ]


def test_stale_state_is_explained(settings: LocalSettings) -> None:
    """The state of a killed supervisor is recognised, and said to be harmless where nothing is left of it."""
    save_state(settings, gone(), phase=Phase.RUNNING)
    (finding,) = fleet(settings.layout)
    assert "stale state" in finding.text


def test_leftover_processes_are_found_and_ended(settings: LocalSettings) -> None:
    """Processes that a killed supervisor left are a problem, and the next start or `cauce down` ends them."""
    state = save_state(settings, gone(), phase=Phase.RUNNING)
    left = subprocess.Popen(
        [sys.executable, "-c", "input()"], env={**os.environ, FLEET_VARIABLE: state.fleet_id}, stdin=subprocess.PIPE
    )
    (finding,) = fleet(settings.layout)
    assert finding.level is Level.PROBLEM
    assert str(left.pid) in finding.text
    said: list[str] = []
    assert clear_stale(settings.layout, said.append) == 1
    assert said == ["ended 1 process that a killed supervisor had left"]
    left.communicate(timeout=5)
    after = load_state(settings.layout.state)
    assert after
    assert after.phase is Phase.FAILED


def test_wipe_removes_a_state_folder(settings: LocalSettings) -> None:
    """After a wipe nothing of the fleet is on the disk."""
    settings.layout.lock.touch()
    wipe(settings)
    assert not settings.layout.root.exists()
    wipe(settings)


def test_wipe_refuses_any_other_folder(settings: LocalSettings) -> None:
    """A folder that a state setting names by mistake is not removed."""
    shutil.rmtree(settings.layout.root)
    settings.layout.root.mkdir()
    (settings.layout.root / "thesis.txt").touch()
    with pytest.raises(LocalStackError, match="nothing is removed"):
        wipe(settings)
    assert (settings.layout.root / "thesis.txt").exists()
