"""What the probes say."""

from __future__ import annotations

import asyncio

import httpx

from shared.errors import Lasting, Transient
from shared.runtime import health as module
from shared.runtime.health import Health, health_app


async def ask(health: Health, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=health_app(health))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


async def away() -> None:
    raise Transient("mongodb: connection refused")


async def silent() -> None:
    await asyncio.sleep(60)


async def gone() -> None:
    raise Lasting("its records are gone")


async def fine() -> None:
    return


async def test_not_ready_before_the_start() -> None:
    """A process that is still preparing is alive and not ready."""
    health = Health("x")
    assert (await ask(health, "/live")).status_code == 200
    assert (await ask(health, "/ready")).status_code == 503
    health.started = True
    assert (await ask(health, "/ready")).json() == {"ok": True, "problems": {}, "warnings": {}}


async def test_names_what_is_away() -> None:
    """Each dependency that doesn't answer is named with its reason; the others are not."""
    health = Health("x", checks={"mongodb": away, "kafka": fine}, started=True)
    answer = await ask(health, "/ready")
    assert answer.status_code == 503
    assert answer.json()["problems"] == {"mongodb": "mongodb: connection refused"}
    assert (await ask(health, "/live")).status_code == 200


async def test_a_warning_is_told_and_the_process_stays_ready() -> None:
    """Beside the problems, by its name; it is gone when what it was about is."""
    said = {"stream x": "the clock is wrong"}
    health = Health("x", started=True, warners=[lambda: said, dict])
    answer = await ask(health, "/ready")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "problems": {}, "warnings": said})
    said.clear()
    assert (await ask(health, "/ready")).json()["warnings"] == {}


async def test_tells_what_waiting_does_not_end() -> None:
    """A problem that a person must end is told apart from those that end by themselves."""
    health = Health("x", checks={"mongodb": away, "counts": gone}, started=True)
    body = (await ask(health, "/ready")).json()
    assert body["lasting"] == ["counts"]
    assert body["problems"] == {"mongodb": "mongodb: connection refused", "counts": "its records are gone"}


async def test_a_silent_dependency_does_not_hang_the_probe() -> None:
    """A check that gives no answer counts as a problem after its deadline."""
    health = Health("x", checks={"mysql": silent}, started=True)
    async with asyncio.timeout(module.CHECK_DEADLINE + 2):
        answer = await ask(health, "/ready")
    assert answer.json()["problems"] == {"mysql": f"no answer within {module.CHECK_DEADLINE:g} s"}


async def test_facts_stand_beside_the_verdict() -> None:
    """`/ready` shows them, ready or not; they change nothing of `ok`, `problems` and the status."""
    health = Health("x", facts={"durability": lambda: {"uploads.received": {"replicas": 1}}}, started=True)
    shown = {"durability": {"uploads.received": {"replicas": 1}}, "warnings": {}}
    assert (await ask(health, "/ready")).json() == {"ok": True, "problems": {}, **shown}
    health.checks = {"mongodb": away}
    answer = await ask(health, "/ready")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "problems": {"mongodb": "mongodb: connection refused"}, **shown}
    assert (await ask(health, "/live")).json() == {"ok": True, "problems": {}}


async def test_metrics_are_prometheus_text() -> None:
    """The page lists our metrics with their meaning."""
    answer = await ask(Health("x"), "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# HELP cauce_records_in_total" in answer.text
