"""The real servers in a folder of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest

from compose.local.outcome import connect_mysql
from compose.local.processes import leftovers
from compose.local.services import SERVICES
from compose.local.settings import ROOT, LocalSettings
from compose.local.state import FleetState, Phase, load_state

pytestmark = pytest.mark.fleet

NO_SERVICES = [word for service in SERVICES for word in ("--scale", f"{service}=0")]
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
EMPTY = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_INDEX": "1"}


class Folder:
    """A state folder and the `cauce` that is run on it. Whatever a test leaves running is ended after it."""

    def __init__(self, root: Path) -> None:
        self.settings = LocalSettings(state_dir=root / "state")
        self.output = root / "output.txt"
        self.fleets: set[str] = set()

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "cauce", *arguments],
                cwd=ROOT,
                env={**os.environ, **env, "CAUCE_STATE_DIR": str(self.settings.state_dir)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def up(self, **env: str) -> tuple[subprocess.Popen[bytes], FleetState]:
        process = self.start("up", *NO_SERVICES, **env)
        self.until(lambda: process.poll() is not None or self._running(process.pid))
        if "cannot fetch" in self.output.read_text():
            pytest.skip("the servers cannot be fetched here")
        assert process.poll() is None, self.output.read_text()
        return process, self.state()

    def _running(self, pid: int) -> bool:
        state = load_state(self.settings.layout.state)
        return bool(state and state.supervisor.pid == pid and state.phase is Phase.RUNNING)

    def state(self) -> FleetState:
        state = load_state(self.settings.layout.state)
        assert state
        self.fleets.add(state.fleet_id)
        return state

    def until(self, condition: Callable[[], object], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path)
    yield folder
    for fleet in folder.fleets:
        for process in leftovers(fleet):
            process.kill()


def left_of(state: FleetState) -> list[psutil.Process]:
    return leftovers(state.fleet_id)


def write_to_both_stores(state: FleetState) -> None:
    with pymongo.MongoClient[dict[str, Any]](state.endpoints.mongodb_url) as client:
        client[state.endpoints.mongodb_database]["seen"].insert_one({"_id": "kept"})
    with connect_mysql(state.endpoints.mysql_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE seen (word VARCHAR(10) PRIMARY KEY)")
        cursor.execute("INSERT INTO seen VALUES ('kept'), ('Kept')")
        connection.commit()


def read_from_both_stores(state: FleetState) -> tuple[int, int]:
    with pymongo.MongoClient[dict[str, Any]](state.endpoints.mongodb_url) as client:
        documents = client[state.endpoints.mongodb_database]["seen"].count_documents({})
    with connect_mysql(state.endpoints.mysql_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM seen WHERE word = 'kept'")
        return documents, cursor.fetchone()[0]


def test_servers_come_up_keep_their_data_and_leave_nothing_running(folder: Folder) -> None:
    """Kafka, MariaDB and MongoDB start and stop; a second start needs no network, and has the same ports and data."""
    process, first = folder.up()
    assert {entry.name for entry in first.processes} == {"kafka", "mariadb", "mongodb"}
    write_to_both_stores(first)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert left_of(first) == []

    process, second = folder.up(**NOWHERE, **EMPTY)
    assert second.endpoints == first.endpoints
    assert read_from_both_stores(second) == (1, 1)
    assert folder.start("down").wait(60) == 0
    assert process.wait(10) == 0
    assert left_of(second) == []


def test_a_killed_supervisor_takes_its_servers_along(folder: Folder) -> None:
    """After SIGKILL to the supervisor nothing runs on, and the next command knows what happened."""
    process, state = folder.up()
    process.kill()
    process.wait()
    folder.until(lambda: not left_of(state), 60)
    status = subprocess.run(
        [sys.executable, "-m", "cauce", "status", "--json"],
        cwd=ROOT,
        env={**os.environ, "CAUCE_STATE_DIR": str(folder.settings.state_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert status.returncode == 1
    assert json.loads(status.stdout)["alive"] is False
    assert folder.start("down", "--wipe").wait(60) == 0
    assert not folder.settings.layout.root.exists()


def test_a_second_fleet_in_the_same_folder_is_refused(folder: Folder) -> None:
    """Two supervisors never share a folder; a server that was killed is started again meanwhile."""
    process, state = folder.up()
    assert folder.start("up", *NO_SERVICES).wait(30) == 1
    assert "a fleet is running" in folder.output.read_text()
    mongodb = next(entry for entry in state.processes if entry.name == "mongodb")
    assert mongodb.identity
    os.kill(mongodb.identity.pid, signal.SIGKILL)
    folder.until(lambda: [entry.restarts for entry in folder.state().processes if entry.name == "mongodb"] == [1])
    folder.until(lambda: all(entry.health == "ready" for entry in folder.state().processes))
    process.terminate()
    assert process.wait(60) == 0
    assert left_of(state) == []
