from __future__ import annotations

import signal
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.services.dashboard.conftest import Dashboard, running
from tests.services.dashboard.fake_gateway import FakeGateway


@pytest.fixture
def dashboard(gateway: FakeGateway) -> Iterator[Dashboard]:
    with running(gateway) as dashboard:
        yield dashboard


def test_the_process_is_like_every_other_and_ends_when_asked(dashboard: Dashboard) -> None:
    """/live, /ready and /metrics beside Streamlit's own probe; SIGTERM ends it with 0 and without a complaint."""
    for path in ("/live", "/ready", "/metrics", "/_stcore/health", "/"):
        assert httpx.get(dashboard.url + path, trust_env=False).is_success
    dashboard.process.send_signal(signal.SIGTERM)
    said, _ = dashboard.process.communicate(timeout=20)
    assert dashboard.process.returncode == 0
    assert "Traceback" not in said
    assert "Warning" not in said


def test_another_sites_page_gets_no_session(dashboard: Dashboard) -> None:
    """A websocket is refused at once where its page came from elsewhere, and no one else is asked about it."""
    address = dashboard.url.replace("http", "ws") + "/_stcore/stream"
    streamlit = [Subprotocol("streamlit")]
    with connect(address, origin=Origin(dashboard.url), subprotocols=streamlit, proxy=None):
        pass
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, origin=Origin("http://elsewhere.example"), subprotocols=streamlit, proxy=None)
