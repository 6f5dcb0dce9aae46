from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compose.local.cache import sealed_folder

RACER = """
import sys, time
from pathlib import Path
from compose.local.cache import sealed_folder

def fill(work):
    with Path(sys.argv[2]).open("a") as fills:
        fills.write("filled\\n")
    time.sleep(0.3)
    (work / "file").write_text("whole")

print((sealed_folder(Path(sys.argv[1]), fill) / "file").read_text())
"""


def test_a_failed_fill_leaves_nothing(tmp_path: Path) -> None:
    """A fetch that breaks off leaves no folder that looks whole, and the next one works."""

    def broken(work: Path) -> None:
        (work / "half").write_text("half")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        sealed_folder(tmp_path / "kafka", broken)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert sealed_folder(tmp_path / "kafka", lambda work: (work / "all").touch()).is_dir()


def test_a_whole_folder_is_not_filled_again(tmp_path: Path) -> None:
    """What is whole is used as it is."""
    sealed_folder(tmp_path / "kafka", lambda work: (work / "all").touch())

    def never(_: Path) -> None:
        raise AssertionError

    sealed_folder(tmp_path / "kafka", never)


def test_what_a_killed_fetch_left_is_removed(tmp_path: Path) -> None:
    """The remains of a killed fetch don't pile up."""
    (tmp_path / ".fetching-killed").mkdir()
    sealed_folder(tmp_path / "kafka", lambda work: (work / "all").touch())
    assert not (tmp_path / ".fetching-killed").exists()


def test_starts_at_the_same_time_fetch_once(tmp_path: Path) -> None:
    """Of several processes that want the same folder one fetches, the others wait and use it."""
    command = [sys.executable, "-c", RACER, str(tmp_path / "cache" / "kafka"), str(tmp_path / "fills")]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [racer.communicate(timeout=30)[0] for racer in racers] == ["whole\n"] * 3
    assert (tmp_path / "fills").read_text() == "filled\n"
