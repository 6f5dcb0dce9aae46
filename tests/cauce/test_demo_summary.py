from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cauce.demo_summary import missing
from cauce.following import Followed
from cauce.gateway import Progress
from cauce.upload import expand
from compose.local.errors import LocalStackError
from compose.local.outcome import Outcome
from shared.contracts.documents import Counts, State

DONE = Followed(
    Path("a.pdf"), "id", Progress(state=State.COMPLETE, counts=Counts(pages=2, chunks=5, vectors=5)), started=1, ended=2
)
WHOLE = Outcome(documents=1, chunks=5, vectors=5, window_rows=1, window_chunks=5)


def test_nothing_is_missing_of_a_whole_outcome() -> None:
    """When the stores have what the documents say, the demo has shown what it promised."""
    assert missing([DONE], WHOLE) == []


@pytest.mark.parametrize("field", ["documents", "chunks", "vectors", "window_rows", "window_chunks"])
def test_each_part_is_missed(field: str) -> None:
    """One thing that did not come out is one line."""
    assert len(missing([DONE], replace(WHOLE, **{field: 0}))) == 1


def test_too_much_is_wrong_too() -> None:
    """A chunk that was written twice is noticed."""
    assert missing([DONE], replace(WHOLE, chunks=6)) == ["MongoDB has 6 chunks, the documents say 5"]


def test_a_document_that_failed_is_named() -> None:
    """What went wrong with a file is said."""
    lost = Followed(Path("b.pdf"), error="connection refused")
    problems = missing([DONE, lost], replace(WHOLE, documents=2))
    assert problems == ["b.pdf: not sent: connection refused"]


def test_folders_are_expanded(tmp_path: Path) -> None:
    """A folder stands for the files in it, hidden ones aside; nothing at all is an error."""
    (tmp_path / "sub").mkdir()
    for name in ("b.md", "sub/a.md", ".hidden"):
        (tmp_path / name).touch()
    assert expand([tmp_path]) == [tmp_path / "b.md", tmp_path / "sub" / "a.md"]
    with pytest.raises(LocalStackError):
        expand([tmp_path / "sub" / "empty"])
