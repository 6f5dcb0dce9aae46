from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.dashboard.client import Gateway, Trouble
from tests.services.dashboard.fake_gateway import KEY, FakeGateway


@contextmanager
def trouble(message: str) -> Iterator[None]:
    with pytest.raises(Trouble, match=re.escape(message)):
        yield


def test_an_answer_is_its_json(gateway: FakeGateway) -> None:
    """The query reaches the gateway, and what it answers comes back."""
    answer = Gateway(gateway.url, KEY).get("/streams/ratings/windows", {"table": "rating_metrics_1m", "limit": "5"})
    assert answer["table"] == "rating_metrics_1m"
    assert gateway.asked == ["/streams/ratings/windows?table=rating_metrics_1m&limit=5"]


def test_a_gateway_that_is_away_is_said_with_its_address(gateway: FakeGateway) -> None:
    """The message names the address, the reason, and that it is tried again."""
    client = Gateway(gateway.url, KEY)
    gateway.stop()
    with pytest.raises(Trouble, match=rf"the gateway doesn't answer at {gateway.url}: .+, trying again"):
        client.get("/streams", {})
    gateway.start()
    assert client.get("/streams", {})["streams"]


@pytest.mark.parametrize("key", ["another", ""])
def test_an_unknown_key_is_said_with_its_variable(key: str, gateway: FakeGateway) -> None:
    """Whoever set the dashboard up, or forgot to give it a key, reads what to set."""
    with trouble("set `CAUCE_DASHBOARD_KEY`"):
        Gateway(gateway.url, key).get("/streams", {})


def test_a_refusal_is_said_in_the_gateways_words(gateway: FakeGateway) -> None:
    """Status and detail of a problem are shown with the path."""
    gateway.answers["/fleet"] = 503
    with trouble("`/fleet` with 503: not in this test"):
        Gateway(gateway.url, KEY).get("/fleet", {})
