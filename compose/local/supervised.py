"""One process of the fleet over its whole life: started, watched, started again when it dies, ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

import psutil

from compose.local.backoff import HOPELESS_AFTER_DEATHS, deaths_in_a_row, delay
from compose.local.processes import kill_group, spawn, terminate
from compose.local.program import Program, Unready
from compose.local.state import Health, ProcessIdentity, ProcessState

Say = Callable[[str], None]

_WHILE_STARTING_SECONDS = 0.2
_WHILE_RUNNING_SECONDS = 3.0


class Supervised:
    """`changed` is called after every change of `state`; `say` gets one line for people about what matters.

    Only `run` starts and ends the process; `stop` asks it to. `ready` is set while it can be used, `died` from its
    first death on, `hopeless` once it has died several times in a row, or says that waiting alone won't make it ready;
    it is still started again, and asked again, then.
    """

    def __init__(self, program: Program, log: Path, changed: Callable[[], None], say: Say) -> None:
        self.program = program
        self.log = log
        self.state = ProcessState(name=program.name, kind=program.kind, port=program.port)
        self.ready = asyncio.Event()
        self.died = asyncio.Event()
        self.hopeless = asyncio.Event()
        self._changed = changed
        self._say = say
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()

    async def run(self) -> None:
        """Keep the process running until `stop`. Returns when nothing of it is left."""
        deaths = 0
        while not self._stop.is_set():
            started = time.monotonic()
            code = await self._one_life()
            if self._stop.is_set():
                break
            deaths = deaths_in_a_row(deaths, time.monotonic() - started)
            if deaths >= HOPELESS_AFTER_DEATHS:
                self.hopeless.set()
            await self._pause(code, delay(deaths))
        self._update(identity=None, health=Health.STOPPED, reason=None)

    def stop(self) -> None:
        """Ask the process to drain and end."""
        self._stop.set()

    def kill(self) -> None:
        """End it without waiting for it to drain."""
        self._stop.set()
        self._kill.set()

    async def _one_life(self) -> int:
        process = await spawn(self.program, self.log)
        self._update(identity=_identity(process), health=Health.STARTING, reason=None)
        watch = asyncio.create_task(self._watch(time.monotonic()))
        exited = asyncio.create_task(process.wait())
        asked = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({exited, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(watch, asked)
            if not exited.done():
                await self._end(process)
            kill_group(process.pid)
        return await exited

    async def _end(self, process: Process) -> None:
        killing = asyncio.create_task(self._kill_when_asked(process))
        if not await terminate(process, self.program.stop_seconds):
            self._say(f"{self.program.name}: did not end within {self.program.stop_seconds:g} s, killed")
        await _cancel(killing)

    async def _kill_when_asked(self, process: Process) -> None:
        await self._kill.wait()
        kill_group(process.pid)

    async def _watch(self, started: float) -> None:
        while True:
            unready = await self.program.probe()
            if unready is None and not self.ready.is_set():
                self._say(f"{self.program.name}: ready in {time.monotonic() - started:.1f} s")
            self._judge(unready)
            await asyncio.sleep(_WHILE_RUNNING_SECONDS if self.ready.is_set() else _WHILE_STARTING_SECONDS)

    def _judge(self, unready: Unready | None) -> None:
        if unready is None:
            self.ready.set()
            self._update(health=Health.READY, reason=None)
            return
        if unready.lasting:
            self.hopeless.set()
        starting = not (self.ready.is_set() or unready.lasting)
        self._update(health=Health.STARTING if starting else Health.UNREADY, reason=unready.reason)

    async def _pause(self, code: int, seconds: float) -> None:
        self.ready.clear()
        self.died.set()
        exit_text = describe_exit(code)
        self._say(f"{self.program.name}: {exit_text}, starting it again in {seconds:g} s")
        self._update(
            identity=None,
            health=Health.RESTARTING,
            reason=f"{exit_text}; next start in {seconds:g} s",
            last_exit=exit_text,
            restarts=self.state.restarts + 1,
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    def _update(self, **changes: object) -> None:
        new = self.state.model_copy(update=changes)
        if new != self.state:
            self.state = new
            self._changed()


def describe_exit(code: int) -> str:
    """An exit code in words: `ended with exit code 1`, `killed by SIGKILL`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _identity(process: Process) -> ProcessIdentity | None:
    try:
        return ProcessIdentity.of(process.pid)
    except psutil.NoSuchProcess:
        return None  # it ended at once; the exit code will be told


async def _cancel(*tasks: asyncio.Task[object] | asyncio.Task[None] | asyncio.Task[bool]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
