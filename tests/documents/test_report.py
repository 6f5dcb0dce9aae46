"""`make report-documents`: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report_documents import main
from tests.documents.catalogue import SET

ROOT = Path(__file__).resolve().parents[2]


def folder(path: Path, **line: Any) -> Path:
    (path / "a.txt").write_text("The river begins here.")
    (path / "manifest.jsonl").write_text(json.dumps({"file": "a.txt", **line}))
    return path


def test_our_own_set_is_all_as_expected() -> None:
    """Without a folder it reports on the committed set, every document of it."""
    words = [sys.executable, "-m", "benchmarks.report_documents"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "all as expected")
    assert all(made.file in done.stdout for made in SET)


@pytest.mark.parametrize(
    ("line", "words", "end"),
    [
        ({"expected_strings": ["river", "sea"]}, (), (1, "strings found: 50.0%, wanted 100.0%")),
        ({"expected_strings": ["river", "sea"]}, ("--strings", "0.5"), (0, "all as expected")),
        ({"page_probes": [{"s": "river", "page": 1}]}, (), (1, "strings on their page: 0.0%, wanted 100.0%")),
        ({"page_probes": [{"s": "river", "page": 1}]}, ("--pages", "0"), (0, "all as expected")),
        ({"forbidden_strings": ["river"]}, ("--strings", "0"), (1, "not read or refused as they should be: 1")),
        ({"expect": "reject_corrupt"}, ("--strings", "0"), (1, "not read or refused as they should be: 1")),
        ({"media_type": "text/html"}, (), (1, "not read or refused as they should be: 1")),
        ({"expected_pages": 1}, (), (1, "not read or refused as they should be: 1")),
        ({"page": 1}, (), (2, "`page`: no such field")),
    ],
)
def test_the_exit_code_says_whether_all_is_as_expected(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: dict[str, Any],
    words: tuple[str, ...],
    end: tuple[int, str],
) -> None:
    """0 where it is, 1 where less than the shares asked for is found or a document ends otherwise, such as
    a text, which has no pages, where one is expected; 2 for a bad manifest."""
    code, last = end
    assert main([str(folder(tmp_path, **line)), *words]) == code
    said = capsys.readouterr()
    assert last in (said.err if code == 2 else said.out).splitlines()[-1]


@pytest.mark.parametrize("share", ["2", "-0.1", "most", "nan"])
def test_a_share_is_a_number_from_0_to_1(capsys: pytest.CaptureFixture[str], share: str) -> None:
    """Another one is refused before any document is read."""
    with pytest.raises(SystemExit) as caught:
        main([f"--strings={share}"])
    assert caught.value.code == 2
    assert f"--strings: must be a number from 0 to 1, not `{share}`" in capsys.readouterr().err
