"""What tests of all kinds share: the fleet, started once for the whole run by the operator's own command; events with
their truth."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.kafka.client import Connection
from tests.events import made
from tests.fleet.declared import make_streams
from tests.fleet.harness import Fleet

RUNNING = "CAUCE_TEST_STATE_DIR"
STREAMING = Path(__file__).parent / "streaming"
REAL_EVENTS = Path(__file__).resolve().parents[2] / "shared" / "fixtures" / "events"
SERVERS_OF_THEIR_OWN = [Path(__file__).parent / "faults", Path(__file__).parent / "compose_local"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with servers of their own come first: those are gone when the fleet of all others starts, whose Spark takes
    half a core. Of those that run side by side, the slowest come next: they wait for a Spark of their own."""
    items.sort(key=lambda item: (not _has_servers(item), not _has_spark(item) or _has_fleet(item)))


def _has_servers(item: pytest.Item) -> bool:
    return any(folder in item.path.parents for folder in SERVERS_OF_THEIR_OWN)


def _has_spark(item: pytest.Item) -> bool:
    return STREAMING in item.path.parents


def _has_fleet(item: pytest.Item) -> bool:
    return item.get_closest_marker("fleet") is not None


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two docproc processes, one of everything else. `CAUCE_TEST_STATE_DIR` names one that runs already."""
    if folder := os.environ.get(RUNNING):
        yield Fleet(Path(folder))
        return
    root = tmp_path_factory.mktemp("fleet")
    fleet = Fleet(root / "state", {"CAUCE_STREAMS_DIR": str(make_streams(root / "streams"))})
    try:
        fleet.up("--scale", "docproc=2")
        yield fleet
    finally:
        fleet.down()


@pytest.fixture(scope="session")
def kafka(fleet: Fleet) -> Connection:
    return fleet.kafka


@pytest.fixture(scope="session")
def mongodb_url(fleet: Fleet) -> str:
    return fleet.state.endpoints.mongodb_url


@pytest.fixture(scope="session")
def mysql_url(fleet: Fleet) -> str:
    return fleet.state.endpoints.mysql_url


NO_REAL_EVENTS = pytest.mark.skipif(
    not REAL_EVENTS.is_dir(), reason=f"no real event streams with their truth in {REAL_EVENTS}"
)


@pytest.fixture(scope="session", params=["ours", pytest.param("real", marks=NO_REAL_EVENTS)])
def events_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two streams of events and their truth: of our own making always, real ones where they lie beside this clone."""
    return made.write(tmp_path_factory.mktemp("events")) if request.param == "ours" else REAL_EVENTS
