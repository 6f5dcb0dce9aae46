from __future__ import annotations

from pathlib import Path

import pytest

from cauce.logs import find_logs, label
from compose.local.errors import LocalStackError
from compose.local.processes import rotate, tail


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("kafka", "docproc-1", "docproc-2"):
        (tmp_path / f"{name}.log").write_text("one\ntwo\nthree\n")
    return tmp_path


def test_a_service_means_all_of_its_processes(folder: Path) -> None:
    """`docproc` finds docproc-1 and docproc-2, and each line is labelled with its process."""
    files = find_logs(folder, "docproc")
    assert [file.stem for file in files] == ["docproc-1", "docproc-2"]
    assert label(files[0], files) == "docproc-1 | "


def test_a_process_means_itself(folder: Path) -> None:
    """`docproc-2` finds that one alone, without labels."""
    files = find_logs(folder, "docproc-2")
    assert [file.stem for file in files] == ["docproc-2"]
    assert label(files[0], files) == ""


def test_an_unknown_name_lists_what_there_is(folder: Path) -> None:
    """A wrong name leads to the right ones."""
    with pytest.raises(LocalStackError) as raised:
        find_logs(folder, "kafak")
    assert raised.value.advice == "there are: docproc-1, docproc-2, kafka"


def test_tail_shows_the_end(folder: Path) -> None:
    """The last lines in order; nothing of a log that does not exist."""
    assert tail(folder / "kafka.log", 2) == ["two", "three"]
    assert tail(folder / "none.log", 2) == []


def test_a_large_log_is_rotated(folder: Path) -> None:
    """A log that has grown large is put aside when its process starts, a small one goes on."""
    rotate(folder / "kafka.log")
    assert (folder / "kafka.log").exists()
    with (folder / "kafka.log").open("ab") as file:
        file.truncate(17 * 1024 * 1024)
    rotate(folder / "kafka.log")
    assert not (folder / "kafka.log").exists()
    assert (folder / "kafka.log.1").exists()
