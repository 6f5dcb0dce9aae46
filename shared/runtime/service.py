"""How every process starts, runs and ends: logs, signals, health, drain. A `__main__.py` only calls `main`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from shared.errors import CauceError, Fatal, Transient
from shared.kafka.loop import ConsumeLoop
from shared.runtime.health import Health, health_app
from shared.runtime.http import served
from shared.runtime.logging import configure
from shared.settings import CommonSettings, load

log = structlog.get_logger()

Job = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What `bootstrap.build` puts together.

    `prepare` runs before anything else, again and again while it raises Transient. `loops` run until the end is asked
    for and then drain; `jobs` run beside them and are cancelled. `app`, where there is one, serves `host`:`port`,
    with `websockets` where it has any.
    """

    health: Health
    host: str
    port: int
    prepare: Job
    loops: Sequence[ConsumeLoop] = ()
    jobs: Sequence[Job] = ()
    app: ASGIApp | None = None
    on_stop: Callable[[], None] | None = None
    websockets: bool = False


S = TypeVar("S", bound=CommonSettings)
Build = Callable[[S], AbstractAsyncContextManager[Service]]


def main(name: str, settings: type[S], build: Build[S]) -> None:
    """Runs a service until SIGTERM or SIGINT. Exit code 0 after a drain, 1 after a Fatal error, which is explained."""
    reasons: list[str] = []
    try:
        loaded = load(settings)
        configure(loaded.log_level, loaded.log_format, name)
        _spare_the_collector()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(loaded, build))
    except* Fatal as group:
        reasons = [f"{name}: {error}" for error in _leaves(group)]
    if reasons:  # not within the clause above, which would wrap the exit in a group
        sys.exit("\n".join(reasons))


def _spare_the_collector() -> None:
    """Thousands of records live at a time, none of them in a cycle: they need not be looked through so often."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


async def _run(settings: S, build: Build[S]) -> None:
    stopping = asyncio.Event()
    with _signals(stopping):
        async with build(settings) as service:
            await _serve_while(service, _live(service, stopping))
    log.info("stopped")


async def _serve_while(service: Service, life: Coroutine[None, None, None]) -> None:
    """The HTTP side is up before `prepare`, so that probes can see the process start; without it there is no life."""
    server = _server(service)
    async with asyncio.TaskGroup() as group:
        group.create_task(_serve(server))
        await life
        server.should_exit = True


async def _live(service: Service, stopping: asyncio.Event) -> None:
    if not await _unless(stopping, _patiently(service.prepare)):
        return
    service.health.started = True
    log.info("started")
    async with asyncio.TaskGroup() as group:
        jobs = [group.create_task(_never_vanishing(job)) for job in service.jobs]
        loops = [group.create_task(_never_vanishing(loop.run)) for loop in service.loops]
        await stopping.wait()
        log.info("stopping")
        if service.on_stop:
            service.on_stop()
        for loop in service.loops:
            loop.stop()
        if loops:
            await asyncio.wait(loops)
        for job in jobs:
            job.cancel()


async def _unless(stopping: asyncio.Event, work: Awaitable[None]) -> bool:
    """Whether `work` was done before the end was asked for."""
    task = asyncio.ensure_future(work)
    waiter = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    return False


async def _never_vanishing(job: Job) -> None:
    """A cancellation that leaks out of a library would end the job without a word: a task group takes it as wanted."""
    try:
        await _patiently(job)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise Fatal("a job was cancelled from within: it is started anew with the process") from None


async def _patiently(job: Job) -> None:
    """Starts over while a dependency is away."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Transient),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=_say_why,
    ):
        with attempt:
            await job()


def _say_why(state: RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    log.warning("waiting for a dependency", error=str(error), attempt=state.attempt_number)


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    yield
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """Leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(service: Service) -> uvicorn.Server:
    app = service.app or health_app(service.health)
    return _Server(served(app, service.host, service.port, websockets=service.websockets))


async def _serve(server: uvicorn.Server) -> None:
    try:
        await server.serve()
    except SystemExit as error:
        config = server.config
        raise Fatal(f"{config.host}:{config.port} can't be listened on: the port is taken, or not ours") from error


def run_once(name: str, settings: type[S], job: Callable[[S], Awaitable[None]]) -> None:
    """For a command such as `--init` that does one thing and ends: exit code 1 with the reason where it can't."""
    try:
        loaded = load(settings)
        configure(loaded.log_level, loaded.log_format, name)
        asyncio.run(_once(job(loaded)))
    except CauceError as error:
        sys.exit(f"{name}: {error}")


async def _once(job: Awaitable[None]) -> None:
    await job
