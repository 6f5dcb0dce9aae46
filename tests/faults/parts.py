"""Processes that a test starts, stops, kills and suspends as it likes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from compose.local.processes import kill_group, tail
from compose.local.program import Program
from compose.local.settings import ROOT, Layout

READY_SECONDS = 90.0
LONGEST_ASK = 10.0
"""Seconds: a probe gives up sooner."""


class Parts:
    """By name. A subclass knows the programs: those in `_programs`, and what `_missing` makes of another name."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._programs: dict[str, Program] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def _missing(self, name: str) -> Program:
        raise KeyError(name)

    def start(self, name: str, env: Mapping[str, str | None] | None = None) -> None:
        """`env` is for this start alone; None takes a variable away."""
        program = self._programs.get(name) or self._missing(name)
        self._programs[name] = program
        child = [sys.executable, "-I", "-S", str(ROOT / "compose/local/child.py"), str(os.getpid()), *program.argv]
        with self.layout.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                child,
                env={key: value for key, value in {**program.env, **(env or {})}.items() if value is not None},
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def run_by(self, name: str, *argv: str) -> Iterator[None]:
        """As long as this lasts, the part is started by these words instead of its own."""
        program = self._programs[name]
        self._programs[name] = replace(program, argv=list(argv))
        try:
            yield
        finally:
            self._programs[name] = program

    async def ready(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Waits until the part can be used. A moment in which the whole machine stood still counts as `LONGEST_ASK`."""
        asked = time.monotonic()
        while (reason := await self._programs[name].probe()) is not None:
            assert self._running[name].poll() is None, self._why_not(name, f"ended: {self._running[name].returncode}")
            assert seconds > 0, self._why_not(name, f"isn't ready in time: {reason}")
            await asyncio.sleep(0.1)
            seconds -= min(time.monotonic() - asked, LONGEST_ASK)
            asked = time.monotonic()

    def _why_not(self, name: str, what: str) -> str:
        return "\n".join([f"{name} {what}", *tail(self.layout.log(name), 20)])

    def port(self, name: str) -> int | None:
        return self._programs[name].port

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def alive(self, name: str) -> bool:
        return name in self._running and self._running[name].poll() is None

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    def kill(self, name: str) -> None:
        """SIGKILL, as the kernel does when memory is short. Returns when nothing of it is left."""
        self._running[name].kill()
        self._reap(name)

    def strike(self, name: str) -> None:
        """SIGKILL to the process alone, without waiting: from the proxy's thread."""
        os.kill(self.pid(name), signal.SIGKILL)

    def stop(self, name: str, seconds: float = 40) -> int:
        """SIGTERM, and its exit code."""
        self._running[name].terminate()
        return self._reap(name, seconds)

    def _reap(self, name: str, seconds: float = 10) -> int:
        process = self._running[name]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        kill_group(process.pid)
        code = process.wait(10)
        del self._running[name]
        return code

    async def restart(
        self, name: str, env: Mapping[str, str | None] | None = None, seconds: float = READY_SECONDS
    ) -> None:
        if self.alive(name):
            self.stop(name)
        elif name in self._running:
            self._reap(name)
        self.start(name, env)
        await self.ready(name, seconds)

    async def revive(self, name: str) -> None:
        """Starts it where it has ended by itself, or soon will."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._running[name].wait(1)
        if not self.alive(name):
            await self.restart(name)
        await self.ready(name)

    def end_all(self, names: list[str]) -> None:
        """Asks them to end; what doesn't is killed."""
        for name in names:
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGTERM)
        for name in names:
            self._reap(name, seconds=15)

    def log(self, name: str) -> str:
        return self.layout.log(name).read_text(errors="replace")
