"""What a process says of itself in `fleet.reports`."""

from __future__ import annotations

import asyncio

import pytest

from shared.contracts.fleet import ProcessReport
from shared.errors import Transient
from shared.kafka.memory import MemoryBroker, MemoryProducer
from shared.runtime import metrics, reporting
from shared.runtime.health import Health
from shared.runtime.reporting import Reporter
from shared.topics import FLEET_REPORTS
from tests.waiting import until


async def away() -> None:
    raise Transient("mysql: gone away")


def reports(broker: MemoryBroker) -> list[ProcessReport]:
    return [ProcessReport.model_validate_json(record.value or b"") for record in broker.read(FLEET_REPORTS.name)]


async def test_a_process_says_how_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again: its problems and warnings as `/ready` has them, its counters as `/metrics` has them."""
    monkeypatch.setattr(reporting, "EVERY_S", 0.01)
    broker = MemoryBroker({FLEET_REPORTS.name: 1})
    health = Health("reporting_test", checks={"mysql": away}, warners=[lambda: {"stream x": "its clock is wrong"}])
    health.started = True
    before = metrics.total(metrics.RETRIES)
    metrics.RETRIES.labels("reporting_test", "outage").inc(3)
    running = asyncio.create_task(Reporter(health, MemoryProducer(broker)).run())
    await until(lambda: len(reports(broker)) >= 2)
    running.cancel()
    first, second = reports(broker)[:2]
    assert (first.problems, first.retries) == ({"mysql": "mysql: gone away"}, before + 3)
    assert first.warnings == {"stream x": "its clock is wrong"}
    assert first.instance == second.instance
    assert first.started_at == second.started_at <= first.reported_at < second.reported_at


async def test_two_processes_are_told_apart() -> None:
    """Also where one has the other's process id, on another machine of the same name or later."""
    broker = MemoryBroker({FLEET_REPORTS.name: 1})
    running = [asyncio.create_task(Reporter(Health("x"), MemoryProducer(broker)).run()) for _ in range(2)]
    await until(lambda: len(reports(broker)) == 2)
    for task in running:
        task.cancel()
    assert len({report.instance for report in reports(broker)}) == 2
