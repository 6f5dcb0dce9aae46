"""Machines on which nothing that is fetched would run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from compose.local import machine
from compose.local.detach import start_detached
from compose.local.errors import LocalStackError
from compose.local.fleet import until_signal
from compose.local.lifecycle import run_fleet
from compose.local.machine import unfit
from compose.local.plan import Wish
from compose.local.progress import PlainFetching
from compose.local.settings import ROOT, LocalSettings


@pytest.mark.parametrize(
    ("system", "processor"), [("Darwin", "arm64"), ("Windows", "AMD64"), ("Linux", "aarch64"), ("Darwin", "x86_64")]
)
def test_others_are_told(system: str, processor: str) -> None:
    """Any other system or processor is named."""
    reason = unfit(system, processor)
    assert reason is not None
    assert f"this is {system} on {processor.lower()}" in reason


@pytest.mark.parametrize("processor", ["x86_64", "AMD64"])
def test_linux_on_x86_64_is_fit(processor: str) -> None:
    """By either of the processor's names."""
    assert unfit("Linux", processor) is None


def test_nothing_is_fetched_where_it_would_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start, in the foreground or not, says what to do instead, and neither fetches nor makes anything."""
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    settings = LocalSettings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    fetching = PlainFetching(Console(stderr=True))
    with pytest.raises(LocalStackError, match="this is Darwin") as in_front:
        run_fleet(Wish(), settings, fetching, lambda _: None, until_signal)
    with pytest.raises(LocalStackError, match="this is Darwin"):
        start_detached(Wish(), settings, fetching, lambda _: None)
    assert "docker compose -f compose/compose.yaml up" in in_front.value.advice
    assert list(tmp_path.iterdir()) == []


def test_make_demo_says_it_before_it_installs_anything(tmp_path: Path) -> None:
    """`make demo` on another machine ends with the same advice; the environment that it would need isn't made."""
    fake = tmp_path / "uname"
    fake.write_text('#!/bin/sh\ncase "$1" in -s) echo Darwin;; *) echo arm64;; esac\n')
    fake.chmod(0o755)
    done = subprocess.run(
        ["make", "demo", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "this is Darwin on arm64" in done.stdout
    assert machine.INSTEAD in done.stdout
    assert not (tmp_path / "venv").exists()
