from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from compose.local.ports import free_port
from tests.services.dashboard.fake_gateway import KEY, FakeGateway

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGateway]:
    """A gateway that answers, and an environment that names it."""
    gateway = FakeGateway()
    monkeypatch.setenv("CAUCE_GATEWAY_URL", gateway.url)
    monkeypatch.setenv("CAUCE_DASHBOARD_KEY", KEY)
    yield gateway
    gateway.stop()


@dataclass
class Dashboard:
    """A running process."""

    process: subprocess.Popen[str]
    url: str

    def wait_until_ready(self) -> None:
        end = time.monotonic() + SECONDS
        while not self._ready():
            assert self.process.poll() is None, "the dashboard ended"
            assert time.monotonic() < end, "the dashboard doesn't get ready"
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready", trust_env=False).is_success
        except httpx.HTTPError:
            return False


@contextmanager
def running(gateway: FakeGateway) -> Iterator[Dashboard]:
    """The service itself, in front of `gateway`."""
    port = free_port()
    told = {
        "CAUCE_GATEWAY_URL": gateway.url,
        "CAUCE_DASHBOARD_KEY": KEY,
        "CAUCE_DASHBOARD_REFRESH_SECONDS": "1",
        "CAUCE_HTTP_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-W", "default", "-m", "services.dashboard"],
        cwd=ROOT,
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    dashboard = Dashboard(process, f"http://127.0.0.1:{port}")
    try:
        dashboard.wait_until_ready()
        yield dashboard
    finally:
        process.kill()
        process.communicate()
