from __future__ import annotations

import pytest

from services.dashboard.settings import DashboardSettings
from shared.errors import Fatal
from shared.settings import load


def test_the_defaults_fit_a_gateway_on_the_same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word it listens on 8501 and asks the gateway's own default address every 2 s."""
    for name in ("CAUCE_GATEWAY_URL", "CAUCE_HTTP_PORT", "CAUCE_HTTP_HOST", "CAUCE_DASHBOARD_REFRESH_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    settings = load(DashboardSettings)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8501)
    assert (settings.gateway_url, settings.dashboard_refresh_seconds) == ("http://127.0.0.1:8000", 2.0)


def test_a_slash_at_the_end_of_the_address_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are put behind the address as it is."""
    monkeypatch.setenv("CAUCE_GATEWAY_URL", "http://gateway:8000/")
    assert load(DashboardSettings).gateway_url == "http://gateway:8000"


@pytest.mark.parametrize(
    ("name", "value"), [("CAUCE_GATEWAY_URL", "gateway:8000"), ("CAUCE_DASHBOARD_REFRESH_SECONDS", "6")]
)
def test_a_bad_value_is_named_at_the_start(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is none, and a refresh slower than 5 s, end the process with the variable's name."""
    monkeypatch.setenv(name, value)
    with pytest.raises(Fatal, match=name):
        load(DashboardSettings)


def test_the_key_is_not_shown() -> None:
    """What prints the settings doesn't print the key."""
    assert "sesame" not in repr(DashboardSettings.model_validate({"dashboard_key": "sesame"}))
