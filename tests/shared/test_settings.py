"""How settings are read and refused."""

from __future__ import annotations

import pytest

from shared.errors import Fatal
from shared.settings import CommonSettings, load


def test_a_bad_value_names_its_variable_and_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set a variable wrongly is told which one, without its value being printed."""
    monkeypatch.setenv("CAUCE_HEALTH_PORT", "hunter2")
    monkeypatch.setenv("CAUCE_LOG_LEVEL", "loud")
    with pytest.raises(Fatal) as caught:
        load(CommonSettings)
    assert "CAUCE_HEALTH_PORT" in str(caught.value)
    assert "CAUCE_LOG_LEVEL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_shared_names_keep_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that other people's tools share is read under its usual name."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    assert load(CommonSettings).kafka_bootstrap_servers == "kafka:9092"
