from __future__ import annotations

import hashlib
import json
import subprocess
import sys

from tests.compose.files import ROOT


def made(*company: str) -> tuple[dict[str, str], str]:
    """The variables that the file gets, and the key that is shown."""
    command = [sys.executable, "-S", str(ROOT / "compose" / "new_key.py"), *company]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value.strip("'") for name, _, value in pairs}, done.stderr.split()[-1]


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_the_key_shown_is_the_key_that_is_stored_hashed() -> None:
    """Lines for `.env` hold the SHA-256 of the key that standard error shows, and not that key."""
    variables, key = made("acme")
    assert json.loads(variables["CAUCE_API_KEYS"])[digest(key)] == "acme"
    assert key not in str(variables)


def test_the_key_shown_is_an_operators() -> None:
    """The dashboard's isn't: whoever may open the dashboard would be an operator."""
    variables, key = made("acme")
    assert json.loads(variables["CAUCE_OPERATOR_KEYS"]) == [digest(key)]


def test_the_dashboard_gets_a_key_of_its_own() -> None:
    """The dashboard's key is another one, which the gateway knows as the same company's."""
    variables, key = made("acme")
    dashboards = variables.pop("CAUCE_DASHBOARD_KEY")
    assert variables.keys() == {"CAUCE_API_KEYS", "CAUCE_OPERATOR_KEYS"}
    assert json.loads(variables["CAUCE_API_KEYS"]) == {digest(key): "acme", digest(dashboards): "acme"}
    assert dashboards != key


def test_keys_differ() -> None:
    """No two calls give one key."""
    first, second = made()[0], made()[0]
    assert first["CAUCE_DASHBOARD_KEY"] != second["CAUCE_DASHBOARD_KEY"]
    assert not json.loads(first["CAUCE_API_KEYS"]).keys() & json.loads(second["CAUCE_API_KEYS"]).keys()
