from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from compose.local.processes import FLEET_VARIABLE, end_leftovers, leftovers, tail
from compose.local.program import Kind, Probe, Program, Unready, always_ready
from compose.local.state import Health
from compose.local.supervised import Supervised, describe_exit

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("up", flush=True)
time.sleep(60)
"""


class Case:
    """A process under supervision, what was said of it, and the mark by which its descendants are found."""

    def __init__(self, folder: Path, code: str, probe: Probe = always_ready, stop_seconds: float = 5) -> None:
        self.mark = uuid.uuid4().hex
        self.said: list[str] = []
        env = {**os.environ, FLEET_VARIABLE: self.mark}
        program = Program("it", Kind.SERVICE, [sys.executable, "-c", code], env, folder, None, probe, stop_seconds)
        self.member = Supervised(program, folder / "it.log", lambda: None, self.said.append)
        self.running = asyncio.create_task(self.member.run())

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(15):
            while not condition():  # noqa: ASYNC110 the condition is about another process
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self.member.stop()
        await asyncio.wait_for(self.running, 15)


async def test_ready_when_the_probe_passes(tmp_path: Path) -> None:
    """A process is starting until its probe passes, with the probe's reason to be seen."""
    answers = iter([Unready("not yet"), Unready("not yet"), None])

    async def probe() -> Unready | None:
        return next(answers, None)

    case = Case(tmp_path, "import time; time.sleep(60)", probe)
    await case.until(lambda: case.member.state.reason == "not yet")
    assert case.member.state.health == Health.STARTING
    await case.until(lambda: case.member.state.health is Health.READY)
    await case.stop()
    assert case.member.state.health.value == "stopped"


async def test_a_process_that_dies_is_started_again_and_counted(tmp_path: Path) -> None:
    """A death is told with its exit code, counted, and followed by another start after a pause."""

    async def never() -> Unready | None:
        return Unready("not yet")

    case = Case(tmp_path, "import sys; sys.exit(3)", never)
    await case.until(lambda: case.member.state.restarts >= 2)
    await case.stop()
    assert case.said[:1] == ["it: ended with exit code 3, starting it again in 0.5 s"]
    assert "starting it again in 1 s" in " ".join(case.said)


async def test_a_killed_process_is_back_with_another_pid(tmp_path: Path) -> None:
    """After SIGKILL the process runs again."""
    case = Case(tmp_path, "import time; time.sleep(60)")
    await case.until(lambda: case.member.state.identity)
    first = case.member.state.identity
    assert first
    os.kill(first.pid, signal.SIGKILL)
    await case.until(lambda: case.member.state.identity not in (None, first))
    assert case.member.state.last_exit == "killed by SIGKILL"
    await case.stop()


async def test_a_stop_ends_children_of_children(tmp_path: Path) -> None:
    """Nothing that a process started is left when it was stopped."""
    case = Case(tmp_path, PARENT)
    await case.until(lambda: len(leftovers(case.mark)) == 2 and tail(case.member.log, 1) == ["up"])
    await case.stop()
    assert leftovers(case.mark) == []


async def test_children_of_a_killed_process_end_before_the_next_start(tmp_path: Path) -> None:
    """What a killed process had started does not run on beside its successor."""
    case = Case(tmp_path, PARENT)
    await case.until(lambda: len(leftovers(case.mark)) == 2 and tail(case.member.log, 1) == ["up"])
    before = {process.pid for process in leftovers(case.mark)}
    assert case.member.state.identity
    os.kill(case.member.state.identity.pid, signal.SIGKILL)
    await case.until(lambda: case.member.state.restarts == 1)
    assert not before & {process.pid for process in leftovers(case.mark)}
    await case.stop()


async def test_a_stubborn_process_is_killed_at_the_deadline(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed when its time is over, and this is said."""
    case = Case(tmp_path, STUBBORN, stop_seconds=0.3)
    await case.until(lambda: tail(case.member.log, 1) == ["up"])
    await case.stop()
    assert case.said == ["it: ready in 0.0 s", "it: did not end within 0.3 s, killed"]


async def test_a_second_interrupt_kills_at_once(tmp_path: Path) -> None:
    """Who does not want to wait for a drain need not."""
    case = Case(tmp_path, STUBBORN, stop_seconds=60)
    await case.until(lambda: tail(case.member.log, 1) == ["up"])
    case.member.stop()
    await asyncio.sleep(0)
    case.member.kill()
    await asyncio.wait_for(case.running, 5)
    assert leftovers(case.mark) == []


def test_leftovers_are_found_by_their_mark_and_ended() -> None:
    """Processes of a fleet whose supervisor is gone are found, whoever started them, and ended."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], env={**os.environ, FLEET_VARIABLE: mark})
    assert end_leftovers(mark, deadline_seconds=0.5) == 1
    process.wait(5)
    assert leftovers(mark) == []


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended with exit code 0"), (-9, "killed by SIGKILL"), (-250, "killed by signal 250")]
)
def test_exits_are_told_in_words(code: int, words: str) -> None:
    """An exit code reads as a person would say it."""
    assert describe_exit(code) == words


async def test_a_process_that_waiting_will_not_mend_is_hopeless(tmp_path: Path) -> None:
    """Who waits for a process learns at once that it says so, with its reason; mended by a person, it is ready."""
    answers = [Unready("its records are gone", lasting=True)]

    async def probe() -> Unready | None:
        return answers[0] if answers else None

    case = Case(tmp_path, "import time; time.sleep(60)", probe)
    await asyncio.wait_for(case.member.hopeless.wait(), 15)
    assert (case.member.state.health, case.member.state.reason) == (Health.UNREADY, "its records are gone")
    answers.clear()
    await case.until(lambda: case.member.state.health is Health.READY)
    await case.stop()


async def test_a_process_that_keeps_dying_is_hopeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a process learns that it keeps dying, long before the time is over."""
    monkeypatch.setattr("compose.local.supervised.delay", lambda deaths: deaths / 1000)

    async def never() -> Unready | None:
        return Unready("not yet")

    case = Case(tmp_path, "raise SystemExit(3)", never)
    await asyncio.wait_for(case.member.hopeless.wait(), 30)
    assert case.member.state.restarts >= 4
    await case.stop()
