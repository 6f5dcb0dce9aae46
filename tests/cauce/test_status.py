from __future__ import annotations

import io
import json
import os

from rich.console import Console, RenderableType

from cauce.status import as_document, render
from compose.local.program import Kind
from compose.local.state import Endpoints, FleetState, Health, Phase, ProcessIdentity, ProcessState
from compose.local.usage import Usage
from shared.kafka.lag import Lag

WHERE = Endpoints(gateway_url="http://127.0.0.1:8000", kafka="", mysql_url="", mongodb_url="")


def state(started_at: float | None = None) -> FleetState:
    me = ProcessIdentity.of(os.getpid())
    supervisor = me if started_at is None else ProcessIdentity(pid=me.pid, started_at=started_at)
    ready = ProcessState(name="kafka", kind=Kind.SERVER, identity=me, port=9092, health=Health.READY)
    died = ProcessState(
        name="docproc-1", kind=Kind.SERVICE, health=Health.RESTARTING, restarts=3, reason="ended [oddly]; soon again"
    )
    return FleetState(
        fleet_id="id",
        supervisor=supervisor,
        phase=Phase.RUNNING,
        company="demo",
        endpoints=WHERE,
        processes=[ready, died],
    )


def plain(shown: RenderableType) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(shown)
    return text.getvalue()


def test_every_process_is_shown_with_health_and_restarts() -> None:
    """One line per process: its numbers, and the reason where it is not well."""
    usage = {"kafka": Usage(11.6, 300 * 2**20), "supervisor": Usage(2.0, 50 * 2**20)}
    lines = plain(render(state(), [Lag("ingest", "uploads.received", 7)], usage)).splitlines()
    assert lines[0] == "fleet running, gateway http://127.0.0.1:8000"
    assert lines[3].split() == ["kafka", "ready", str(os.getpid()), "9092", "0", "12", "%", "300", "MiB"]
    assert lines[4].split(maxsplit=5)[:5] == ["docproc-1", "restarting", "-", "-", "3"]
    assert "ended [oddly]; soon again" in lines[4]
    assert lines[5].split() == ["together", "14", "%", "350", "MiB"]
    assert lines[-1].split() == ["ingest", "uploads.received", "7"]


def test_a_stale_state_claims_nothing() -> None:
    """When the supervisor is gone no process is shown as ready."""
    shown = plain(render(state(started_at=1.0), None, {}))
    assert shown.startswith("no fleet is running; the last one was killed")
    assert "ready" not in shown


def test_json_is_for_programs() -> None:
    """The document tells whether the fleet is alive, and null while the lag is unknown."""
    document = json.loads(as_document(state(), None, {"kafka": Usage(11.5, 4)}))
    assert document["alive"] is True
    assert document["lag"] is None
    assert document["usage"] == {"kafka": {"cpu": 11.5, "memory": 4}}
    assert document["processes"][1]["restarts"] == 3
