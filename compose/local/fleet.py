"""The supervisor: servers, then topics and tables, then services; and back in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

from compose.local.errors import LocalStackError
from compose.local.plan import Plan, server_programs, service_programs
from compose.local.processes import spawn, tail, terminate
from compose.local.program import Kind, Program
from compose.local.provision import Tools
from compose.local.services import COMPANY, STREAMING
from compose.local.settings import ROOT, Layout
from compose.local.state import FleetState, Health, Phase, ProcessIdentity
from compose.local.supervised import Say, Supervised, describe_exit

SERVERS_READY_SECONDS = 120.0
SERVICES_READY_SECONDS = 300.0
ONE_SHOT_SECONDS = 120.0

Work = Callable[[FleetState], Awaitable[int]]
"""What to do while the fleet is up; its result becomes the exit code. The fleet is stopped when it returns."""

ONE_SHOTS = {
    "topics": [sys.executable, "-m", "cauce", "topics", "apply"],
    "tables": [sys.executable, "-m", "services.db_writer", "--init"],
}


class Fleet:
    """Runs one plan. Everything happens in `run`; state is written to disk after every change."""

    def __init__(self, plan: Plan, layout: Layout, tools: Tools, say: Say) -> None:
        self._plan = plan
        self._layout = layout
        self._tools = tools
        self._say = say
        self._members: dict[str, Supervised] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._interrupted = asyncio.Event()
        self._state = FleetState(
            fleet_id=plan.fleet_id,
            supervisor=ProcessIdentity.of(os.getpid()),
            company=COMPANY,
            endpoints=plan.endpoints,
        )

    async def run(self, work: Work) -> int | None:
        """Start everything, do `work`, stop everything. Returns the work's result, None when a signal came first.

        Raises LocalStackError when the fleet cannot start; nothing is left running then either.
        """
        self._save(Phase.STARTING)
        with self._signals():
            message = "stopped by an error that is not expected"
            try:
                result = await self._until_interrupted(self._start_and(work))
                message = ""
            except LocalStackError as error:
                message = str(error)
                raise
            finally:
                await self._stop(message)
            return result

    async def _start_and(self, work: Work) -> int:
        self._layout.applied.unlink(missing_ok=True)
        early, late = self._split(service_programs(self._plan))
        # Spark's own start needs none of the servers, and takes as long as theirs: its queries wait for the mark.
        services = self._launch(early)
        servers = self._launch(await server_programs(self._plan, self._layout, self._tools))
        await self._all_ready(servers, SERVERS_READY_SECONDS)
        await asyncio.gather(*(self._one_shot(name, argv) for name, argv in ONE_SHOTS.items()))
        self._layout.applied.touch()
        services += self._launch(late)
        self._save(Phase.RUNNING, await self._late(services, SERVICES_READY_SECONDS))
        return await work(self._state)

    def _split(self, services: Sequence[Program]) -> tuple[list[Program], list[Program]]:
        """Those that start before the servers do, and wait for the mark, and the others."""
        mark = {"CAUCE_STREAMING_START_AFTER": str(self._layout.applied)}
        early = [replace(one, env={**one.env, **mark}) for one in services if one.name == STREAMING]
        return early, [one for one in services if one.name != STREAMING]

    async def _until_interrupted(self, work: Awaitable[int]) -> int | None:
        working = asyncio.ensure_future(work)
        interrupted = asyncio.create_task(self._interrupted.wait())
        await asyncio.wait({working, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        if working.done():
            return working.result()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        return None

    def _launch(self, programs: Sequence[Program]) -> list[Supervised]:
        launched = [self._member(program) for program in programs]
        for member in launched:
            self._members[member.program.name] = member
            self._tasks[member.program.name] = asyncio.create_task(member.run())
        return launched

    def _member(self, program: Program) -> Supervised:
        return Supervised(program, self._layout.log(program.name), self._save, self._say)

    async def _all_ready(self, servers: Sequence[Supervised], seconds: float) -> None:
        """Wait for every server; one that dies while starting will not do better the next time."""
        await asyncio.gather(*(self._one_ready(server, seconds) for server in servers))

    async def _one_ready(self, server: Supervised, seconds: float) -> None:
        await _either(server.ready, server.died, seconds)
        if not server.ready.is_set():
            why = server.state.last_exit or f"not ready after {seconds:g} s ({server.state.reason})"
            raise self._failure(server.program.name, why)

    def _failure(self, name: str, why: str) -> LocalStackError:
        words = "\n".join(f"  {line}" for line in tail(self._layout.log(name), 12))
        return LocalStackError(f"{name}: {why}\n{words}", advice=f"read all of it: cauce logs {name}")

    async def _one_shot(self, name: str, argv: Sequence[str]) -> None:
        program = Program(name, Kind.SERVICE, argv, self._plan.env, ROOT)
        log = self._layout.log(name)
        process = await spawn(program, log)
        try:
            code = await asyncio.wait_for(process.wait(), ONE_SHOT_SECONDS)
        except TimeoutError:
            raise self._failure(name, f"not done after {ONE_SHOT_SECONDS:g} s") from None
        finally:
            await terminate(process, 2)
        if code:
            raise self._failure(name, describe_exit(code))
        self._say(f"{name}: applied")

    async def _late(self, services: Sequence[Supervised], seconds: float) -> str:
        """Wait for the services; returns what is to be said about those that are not ready in time, keep dying, or say
        that waiting won't help."""
        await asyncio.gather(*(_either(service.ready, service.hopeless, seconds) for service in services))
        late = [service for service in services if not service.ready.is_set()]
        for service in late:
            still = "" if service.hopeless.is_set() else "still "
            self._say(f"{service.program.name}: {still}not ready: {self._why(service)}")
        return f"not ready: {', '.join(service.program.name for service in late)}" if late else ""

    def _why(self, service: Supervised) -> str | None:
        """One that dies says it in its last line."""
        if service.state.last_exit and service.state.health is not Health.UNREADY:
            return ": ".join([f"it {service.state.last_exit}", *tail(self._layout.log(service.program.name), 1)])
        return service.state.reason

    async def _stop(self, message: str = "") -> None:
        self._save(Phase.STOPPING, message)
        names = [name for name, member in self._members.items() if member.program.kind is Kind.SERVICE]
        # Services first, while what they need is there; the servers don't need each other.
        for group in (names, ["kafka", "mariadb", "mongodb"]):
            await self._stop_group([name for name in group if name in self._members])
        self._save(Phase.FAILED if message else Phase.STOPPED, message)

    async def _stop_group(self, names: Sequence[str]) -> None:
        if names:
            self._say(f"stopping {', '.join(names)}")
        for name in names:
            self._members[name].stop()
        await asyncio.gather(*(self._tasks[name] for name in names))

    def _save(self, phase: Phase | None = None, message: str | None = None) -> None:
        if phase is not None:
            self._state.phase = phase
        if message is not None:
            self._state.message = message
        self._state.processes = [member.state for member in self._members.values()]
        self._state.save(self._layout.state)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._interrupt)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _interrupt(self) -> None:
        if self._interrupted.is_set():
            self._say("killing what still runs")
            for member in self._members.values():
                member.kill()
        else:
            self._say("draining; once more to kill at once")
        self._interrupted.set()


async def _either(first: asyncio.Event, second: asyncio.Event, seconds: float) -> None:
    """Wait until one of the two is set or the time is over."""
    waits = {asyncio.create_task(first.wait()), asyncio.create_task(second.wait())}
    _, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()


async def until_signal(_: FleetState) -> int:
    """The work of a fleet that simply stays up."""
    await asyncio.Event().wait()
    return 0
