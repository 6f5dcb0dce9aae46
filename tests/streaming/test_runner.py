"""What is done with a query before, during and after its run, on a driver that only remembers what it was asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import cast

import pytest
from tenacity import RetryCallState

from shared.contracts.metrics import MetricRow
from shared.contracts.streams import StreamApplied
from shared.errors import LogBroken, Transient
from shared.kafka.client import Connection
from shared.kafka.memory import MemoryBroker, MemoryProducer
from shared.kafka.records import Partition
from shared.streams.loading import load_streams
from shared.streams.plan import Kind, query_plans
from shared.topics import PROCESSED_METRICS
from streaming import runner
from streaming.control import Control
from streaming.driver import Driver
from streaming.logs import Logs
from streaming.progress import Pulse
from streaming.queries import Query
from streaming.runner import Runner
from tests.waiting import until

RATINGS = next(stream for stream in load_streams() if stream.name == "ratings")
PLAN = next(plan for plan in query_plans(RATINGS) if plan.kind is Kind.WINDOWS)


class FakeDriver:
    """Each run does the next of `deeds`, then waits for its end; `asked` holds what was called, in order."""

    def __init__(self, committed: Mapping[int, int] | None = None) -> None:
        self.asked: list[str] = []
        self.deeds: list[Callable[[], None]] = []
        self._committed = committed
        self._over = threading.Event()

    async def committed(self, _: Query) -> Mapping[int, int] | None:
        return self._committed

    async def catch_up(self, query: Query, _: threading.Event) -> None:
        self.asked.append(f"catch up {query.epoch}")
        self._committed = {0: 10}

    async def run(self, query: Query, halt: threading.Event) -> None:
        self.asked.append(f"run {query.epoch}")
        if self.deeds:
            self.deeds.pop(0)()
        await until(lambda: halt.is_set() or self._over.is_set())

    def stop(self) -> None:
        self._over.set()


class FakeControl:
    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch

    async def in_force(self, stream: str) -> StreamApplied:
        return StreamApplied(stream=stream, epoch=self.epoch, declaration={}, applied_at=datetime.now(UTC))


class FakeLogs:
    """`broken` is what is wrong with the topic."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.left = 0

    async def check(self, _: Query, __: Mapping[int, int] | None) -> None:
        if self.broken:
            raise LogBroken(self.broken)

    async def leave_marks(self, _: Query, __: Callable[[Query], Awaitable[Mapping[int, int] | None]]) -> None:
        self.left += 1
        await asyncio.Event().wait()


class World:
    """A runner of one query whose topic has ten records in one partition."""

    def __init__(self, driver: FakeDriver, catch_up_records: int = 100) -> None:
        self.driver = driver
        self.control = FakeControl()
        self.broker = MemoryBroker({PROCESSED_METRICS.name: 1})
        self.pulse = Pulse()
        self.logs = FakeLogs()
        self.runner = Runner(
            cast("Driver", driver),
            Connection("nowhere:1"),
            MemoryProducer(self.broker),
            {PLAN.name: self.pulse},
            logs=cast("Logs", self.logs),
            catch_up_records=catch_up_records,
        )

    async def while_running(self, condition: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.runner.run(PLAN, cast("Control", self.control)))
        try:
            await until(condition)
        finally:
            self.runner.stop()
            await task

    @property
    def runs(self) -> int:
        return sum(one.startswith("run") for one in self.driver.asked)


@pytest.fixture(autouse=True)
def _ten_records(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ranges(_: Connection, topics: list[str]) -> dict[Partition, range]:
        return {Partition(topics[0], 0): range(10)}

    monkeypatch.setattr(runner, "offset_ranges", ranges)


def fail() -> None:
    raise Transient("the broker is away")


async def test_a_query_that_is_little_behind_runs_at_once() -> None:
    """Nothing is gained by a micro-batch before Real-Time Mode."""
    world = World(FakeDriver())
    await world.while_running(lambda: world.runs == 1)
    assert world.driver.asked == ["run 1"]


async def test_a_query_far_behind_catches_up_first() -> None:
    """In one micro-batch, until no more than the setting is left."""
    world = World(FakeDriver(), catch_up_records=5)
    await world.while_running(lambda: world.runs == 1)
    assert world.driver.asked == ["catch up 1", "run 1"]


async def test_a_reset_ends_the_run_and_the_old_rows_go_when_the_new_are_there() -> None:
    """However little there is, a new epoch catches up; then one truncation of each table, and only then it runs."""
    world = World(FakeDriver())

    def reset() -> None:
        world.control.epoch = 2
        world.driver._committed = None
        world.runner.halt(RATINGS.name)

    world.driver.deeds = [reset]
    await world.while_running(lambda: world.runs == 2)
    assert world.driver.asked == ["run 1", "catch up 2", "run 2"]
    rows = [MetricRow.model_validate_json(record.value or b"") for record in world.broker.read(PROCESSED_METRICS.name)]
    assert [(row.table, row.epoch, row.control) for row in rows] == [
        (window.table, 2, "truncate") for window in PLAN.windows
    ]


async def test_failures_in_a_row_wait_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told, with its reason; the query goes on being tried."""
    told: list[str] = []
    waits: list[int] = []
    monkeypatch.setattr(Pulse, "fail", lambda _, problem, **__: told.append(problem))
    monkeypatch.setattr(runner, "wait_random_exponential", _wait(waits))
    world = World(FakeDriver())
    world.driver.deeds = [fail, fail]
    await world.while_running(lambda: world.runs == 3)
    assert told == ["the broker is away"] * 2
    assert waits == [1, 2]


async def test_a_failure_after_a_long_run_is_the_first_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed last week doesn't make today's restart wait."""
    waits: list[int] = []
    monkeypatch.setattr(runner, "LONG_RUN_S", 0.0)
    monkeypatch.setattr(runner, "wait_random_exponential", _wait(waits))
    world = World(FakeDriver())
    world.driver.deeds = [fail, fail]
    await world.while_running(lambda: world.runs == 3)
    assert waits == []
    assert "broker is away" in world.pulse.problem


def _wait(attempts: list[int]) -> Callable[..., Callable[[RetryCallState], float]]:
    """No time at all; the numbers of the attempts that would have been waited for are kept."""

    def wait(state: RetryCallState) -> float:
        attempts.append(state.attempt_number)
        return 0

    return lambda **_: wait


async def test_a_query_whose_topic_is_another_waits_for_a_person() -> None:
    """It says so, reads nothing, and goes on by itself once that is mended."""
    world = World(FakeDriver({0: 10}))
    world.logs.broken = "`ratings` is another topic than before"

    def mended() -> bool:
        if world.logs.broken and world.pulse.problem == world.logs.broken and world.pulse.lasting:
            assert world.driver.asked == []
            world.logs.broken = None
        return world.runs == 1

    await world.while_running(mended)


async def test_a_query_leaves_marks_while_it_runs() -> None:
    """By them its next start knows whether the log is the one that it had read."""
    world = World(FakeDriver({0: 10}))
    await world.while_running(lambda: world.runs == 1 and world.logs.left == 1)
