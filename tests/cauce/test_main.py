from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compose.local.settings import ROOT

VERBS = [
    *("up", "down", "status", "logs", "doctor", "upload", "delete", "demo"),
    *("generate", "tail", "verify", "streams", "topics"),
]


def cauce(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "cauce", *arguments],
        cwd=ROOT,
        env={**os.environ, "CAUCE_STATE_DIR": str(state / "none")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_teaches(tmp_path: Path) -> None:
    """The help names every verb and begins with what to type first."""
    done = cauce(tmp_path, "--help")
    assert done.returncode == 0
    assert "cauce demo" in done.stdout
    assert all(f"  {verb} " in done.stdout for verb in VERBS)


@pytest.mark.parametrize(
    "arguments", [["status"], ["upload", "pyproject.toml"], ["delete"], ["topics", "list"], ["up", "--scale", "x=1"]]
)
def test_errors_end_with_one_and_a_way_out(tmp_path: Path, arguments: list[str]) -> None:
    """What cannot be done is said in a line without a traceback, with what to try."""
    done = cauce(tmp_path, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "\ntry:   " in done.stderr
    assert "Traceback" not in done.stderr


def test_down_without_a_fleet_is_no_error(tmp_path: Path) -> None:
    """Nothing to stop is as good as stopped."""
    done = cauce(tmp_path, "down")
    assert (done.returncode, done.stdout) == (0, "no fleet was running\n")


def test_doctor_works_before_anything_was_started(tmp_path: Path) -> None:
    """The doctor looks at a machine where there is no fleet yet, and leaves no folder behind."""
    done = cauce(tmp_path, "doctor")
    assert "Python" in done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0)])
def test_pythons_that_were_not_run_are_refused(version: tuple[int, ...]) -> None:
    """With the versions that were, before anything else is imported."""
    program = f"import sys; sys.version_info = {version}; import cauce.console"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("cauce wants Python 3.11, 3.12 or 3.13 (3.14 was not run yet)")
