"""Bringing a fleet up in this process, and taking down one that another process brought up."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from compose.local.class_archives import class_archives
from compose.local.errors import LocalStackError
from compose.local.fleet import Fleet, Work
from compose.local.machine import require_fit
from compose.local.plan import Wish, make_plan
from compose.local.processes import end_leftovers, leftovers
from compose.local.progress import Fetching
from compose.local.provision import Tools, provision
from compose.local.settings import Layout, LocalSettings
from compose.local.state import Phase, load_state
from compose.local.supervised import Say

DOWN_SECONDS = 120.0
SLOW_SECONDS = 5.0
"""An idle fleet is gone by then; of another one it is said every so often what still runs."""


def run_fleet(wish: Wish, settings: LocalSettings, fetching: Fetching, say: Say, work: Work) -> int | None:
    """Fetch what is missing, start the fleet, do `work`, stop it: see `Fleet.run` for the result and the errors.

    Raises LocalStackError too when a fleet runs in this folder already, or none can run on this machine.
    """
    require_fit()
    layout = settings.layout
    layout.create()
    with only_supervisor(layout):
        clear_stale(layout, say)
        tools = with_class_archives(provision(settings, os.environ, fetching), settings, say)
        plan = make_plan(wish, layout, tools, os.environ)
        return asyncio.run(_run(Fleet(plan, layout, tools, say), work))


def with_class_archives(tools: Tools, settings: LocalSettings, say: Say) -> Tools:
    """Makes them where there are none, which takes a minute or two, unless they aren't wanted."""
    if not settings.class_archives:
        return tools
    return replace(tools, classes=class_archives(tools.java, tools.kafka_jars, tools.spark_jars, settings, say))


async def _run(fleet: Fleet, work: Work) -> int | None:
    return await fleet.run(work)


@contextmanager
def only_supervisor(layout: Layout) -> Iterator[None]:
    """Hold the folder's lock, which the system frees when this process ends, however it ends."""
    with layout.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalStackError(
                f"a fleet is running in `{layout.root}`", advice="look at it: cauce status; stop it: cauce down"
            ) from None
        yield


def clear_stale(layout: Layout, say: Say) -> int:
    """End what a supervisor that was killed left behind. Returns how many processes that were."""
    state = load_state(layout.state)
    if state is None or state.alive():
        return 0
    count = end_leftovers(state.fleet_id)
    if count:
        say(f"ended {count} process{'es' * (count > 1)} that a killed supervisor had left")
    if state.phase not in (Phase.STOPPED, Phase.FAILED):
        state.phase, state.message = Phase.FAILED, "the supervisor was killed"
        state.processes = []
        state.save(layout.state)
    return count


def take_down(settings: LocalSettings, say: Say) -> bool:
    """Stop the fleet of this folder and wait until nothing of it runs any more; False where none ran.

    Raises LocalStackError when it does not stop in time, or something of it can't be ended.
    """
    layout = settings.layout
    state = load_state(layout.state)
    if state is None:
        return False
    supervisor = state.supervisor.process()
    if supervisor is None:
        return clear_stale(layout, say) > 0
    say(f"stopping {len([process for process in state.processes if process.identity])} processes")
    supervisor.send_signal(signal.SIGTERM)
    _wait_until_gone(layout, say)
    clear_stale(layout, say)  # its supervisor may have been killed meanwhile
    if left := leftovers(state.fleet_id):
        numbers = " ".join(str(process.pid) for process in left)
        raise LocalStackError(f"still running: {numbers}", advice=f"end them: kill -9 {numbers}")
    return True


def _wait_until_gone(layout: Layout, say: Say) -> None:
    begun = time.monotonic()
    deadline, next_word = begun + DOWN_SECONDS, begun + SLOW_SECONDS
    while (state := load_state(layout.state)) and state.alive():
        running = [process.name for process in state.processes if process.identity] or ["the supervisor"]
        if time.monotonic() > next_word:
            say(f"after {time.monotonic() - begun:.0f} s still running: {', '.join(running)}")
            next_word += SLOW_SECONDS
        if time.monotonic() > deadline:
            raise LocalStackError(
                f"the fleet did not stop within {DOWN_SECONDS:g} s: {', '.join(running)}",
                advice=f"kill its supervisor, then run `cauce down` again: kill -9 {state.supervisor.pid}",
            )
        time.sleep(0.05)


def wipe(settings: LocalSettings) -> None:
    """Remove the state folder with all data, keys and logs. Raises LocalStackError for a folder that isn't one."""
    layout = settings.layout
    if not layout.root.exists():
        return
    if not layout.lock.exists() or layout.root.is_symlink():
        raise LocalStackError(f"`{layout.root}` is not a state folder of Cauce, so nothing is removed")
    with only_supervisor(layout):
        shutil.rmtree(layout.root)
