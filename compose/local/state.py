"""What a running fleet tells about itself in `.cauce/state.json`, and how to see that it no longer runs."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from compose.local.errors import LocalStackError
from compose.local.program import Kind
from compose.local.remembered import write_private


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Health(StrEnum):
    """READY: its probe passes. UNREADY: it runs, its probe fails. RESTARTING: it died and waits for its next start."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    RESTARTING = "restarting"
    STOPPED = "stopped"


class ProcessIdentity(BaseModel):
    """A process id with its start time, since the system uses the ids again."""

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        return cls(pid=pid, started_at=_started_at(pid))

    def process(self) -> psutil.Process | None:
        """The living process that this names, else None."""
        try:
            process = psutil.Process(self.pid)
            same = abs(_started_at(self.pid) - self.started_at) < 0.05
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _started_at(pid: int) -> float:
    """Seconds since the system's boot. Raises psutil.NoSuchProcess.

    On Linux psutil adds the time of the boot by the clock, which moves whenever that is set: a process that lives would
    be taken for one that is gone.
    """
    if sys.platform != "linux":
        return float(psutil.Process(pid).create_time())
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return int(after_name[19]) / os.sysconf("SC_CLK_TCK")


class ProcessState(BaseModel):
    name: str
    kind: Kind
    identity: ProcessIdentity | None = None
    port: int | None = None
    health: Health = Health.STARTING
    reason: str | None = None
    restarts: int = 0
    last_exit: str | None = None


class Endpoints(BaseModel):
    """Where the fleet is reached; `mysql_url` holds the password."""

    gateway_url: str
    dashboard_url: str = ""
    kafka: str
    mysql_url: str
    mongodb_url: str
    mongodb_database: str = "cauce"


class FleetState(BaseModel):
    """`fleet_id` is in the environment of every process of this run, whichever process started it."""

    fleet_id: str
    supervisor: ProcessIdentity
    phase: Phase = Phase.STARTING
    message: str = ""
    company: str
    endpoints: Endpoints
    processes: list[ProcessState] = []

    def alive(self) -> bool:
        """Whether its supervisor still runs; a state file whose supervisor is gone is stale."""
        return self.supervisor.process() is not None

    def save(self, path: Path) -> None:
        write_private(path, self.model_dump_json(indent=2))


def load_state(path: Path) -> FleetState | None:
    """The state of the last fleet in this folder, running or not; None where there never was one."""
    try:
        return FleetState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise LocalStackError(
            f"`{path}` cannot be read: {error.errors()[0]['msg']}", advice="remove the file and look with: cauce doctor"
        ) from error


def running_state(path: Path) -> FleetState:
    """The state of the fleet that runs now. Raises LocalStackError where none does."""
    state = load_state(path)
    if state is None or not state.alive():
        raise LocalStackError(f"no fleet is running in `{path.parent}`", advice="start one: cauce up")
    return state
