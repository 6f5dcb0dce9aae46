from __future__ import annotations

import hashlib
import json
import subprocess
import sys

from tests.compose.files import ROOT


def test_the_key_shown_is_the_key_that_is_stored_hashed() -> None:
    """Standard output is a line for `.env` with the SHA-256 of the key that standard error shows."""
    command = [sys.executable, "-S", str(ROOT / "compose" / "new_key.py"), "acme"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    name, _, value = done.stdout.strip().partition("=")
    key = done.stderr.split()[-1]
    assert name == "CAUCE_API_KEYS"
    assert json.loads(value.strip("'")) == {hashlib.sha256(key.encode()).hexdigest(): "acme"}
    assert key not in done.stdout


def test_keys_differ() -> None:
    """No two calls give one key."""
    command = [sys.executable, "-S", str(ROOT / "compose" / "new_key.py")]
    lines = {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(lines) == 2
