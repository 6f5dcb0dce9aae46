from __future__ import annotations

import json

import pytest

from services.api_gateway.settings import GatewaySettings
from shared.errors import Fatal
from shared.settings import load

DIGEST = "ab" * 32


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of keys is JSON, and doesn't show when settings are printed."""
    monkeypatch.setenv("CAUCE_API_KEYS", json.dumps({DIGEST: "acme"}))
    settings = load(GatewaySettings)
    assert settings.api_keys == {DIGEST: "acme"}
    assert DIGEST not in repr(settings)


def test_operators_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their keys are a JSON list of digests; nobody is one unless said so."""
    assert load(GatewaySettings).operator_keys == frozenset()
    monkeypatch.setenv("CAUCE_OPERATOR_KEYS", json.dumps([DIGEST]))
    settings = load(GatewaySettings)
    assert settings.operator_keys == {DIGEST}
    assert DIGEST not in repr(settings)


@pytest.mark.parametrize("value", ["secret", '["secret"]', json.dumps({DIGEST: "secret"}) + "x", "7"])
def test_bad_operators_are_explained_without_being_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """As bad keys are."""
    monkeypatch.setenv("CAUCE_OPERATOR_KEYS", value)
    with pytest.raises(Fatal, match="CAUCE_OPERATOR_KEYS") as caught:
        load(GatewaySettings)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "secret",
        "[]",
        '{"secret": "acme"}',
        json.dumps({DIGEST: ".."}),
        json.dumps({DIGEST: "a/secret"}),
        json.dumps({DIGEST: ""}),
        json.dumps({DIGEST: "secret" * 11}),
        json.dumps({DIGEST: 1}),
    ],
)
def test_bad_keys_are_explained_without_being_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A table that can't be used ends the process with the variable's name, not with the value."""
    monkeypatch.setenv("CAUCE_API_KEYS", value)
    with pytest.raises(Fatal, match="CAUCE_API_KEYS") as caught:
        load(GatewaySettings)
    assert "secret" not in str(caught.value)
