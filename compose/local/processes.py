"""Starting and ending single processes, together with everything that they start themselves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

import psutil

from compose.local.program import Program

FLEET_VARIABLE = "CAUCE_FLEET_ID"
_CHILD = Path(__file__).with_name("child.py")
_KEEP_LOG_BYTES = 16 * 1024 * 1024
_GONE_SECONDS = 10.0


async def spawn(program: Program, log: Path) -> Process:
    """Start a program in a session of its own: a Ctrl-C in the terminal reaches the supervisor alone."""
    rotate(log)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_CHILD), str(os.getpid())),
            *program.argv,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(program.env),
            cwd=program.cwd,
            start_new_session=True,
        )


def rotate(log: Path) -> None:
    """Keep one older file beside a log that has grown large."""
    if log.exists() and log.stat().st_size > _KEEP_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


async def terminate(process: Process, deadline_seconds: float) -> bool:
    """Ask a process to end and wait; kill it and its group at the deadline. True if it ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), deadline_seconds)
    except TimeoutError:
        kill_group(process.pid)
        await process.wait()
        await _until_gone(process.pid)
        return False
    kill_group(process.pid)
    await _until_gone(process.pid)
    return True


def kill_group(leader: int) -> None:
    """End at once whatever is left of the session that `leader` began."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


async def _until_gone(leader: int) -> None:
    """A killed process still holds its ports and files for a moment: wait for the last of the session to let go."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GONE_SECONDS):
            while any(_runs_in(leader, pid) for pid in psutil.pids()):  # noqa: ASYNC110 nobody tells but the parent
                await asyncio.sleep(0.01)


def _runs_in(session: int, pid: int) -> bool:
    """Whether that process is of the session and not merely waiting to be reaped."""
    try:
        return os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False


def leftovers(fleet_id: str) -> list[psutil.Process]:
    """Living processes of a fleet whose supervisor is gone, grandchildren included, found by their environment."""
    return [process for process in psutil.process_iter() if _belongs(process, fleet_id)]


def _belongs(process: psutil.Process, fleet_id: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(FLEET_VARIABLE) == fleet_id
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return False  # another user's or already gone: not ours either way


def end_leftovers(fleet_id: str, deadline_seconds: float = 20.0) -> int:
    """End what a killed supervisor left running: SIGTERM, then SIGKILL at the deadline. Returns how many there were."""
    found = leftovers(fleet_id)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=deadline_seconds)
    for process in [*stubborn, *leftovers(fleet_id)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(found)


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log, none where it does not exist; reads at most its last 256 KiB."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 256 * 1024))
        return file.read().decode(errors="replace").splitlines()[-lines:]
