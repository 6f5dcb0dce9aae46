from __future__ import annotations

from pathlib import Path

from cauce.following import Followed, describe, state_text, steps
from cauce.gateway import Progress
from shared.contracts.documents import Counts, Reason, State


def at(state: State, stage: str | None = None, **rest: object) -> Followed:
    progress = Progress.model_validate({"state": state, "stage": stage, **rest})
    return Followed(Path("a.pdf"), "id", progress, started=1.0, ended=None)


def test_steps_fill_as_stages_pass() -> None:
    """Each stage that has spoken fills a dot, completion fills all."""
    assert steps(None) == "○○○○○"
    assert steps(at(State.PROCESSING, "docproc").progress) == "●●●○○"
    assert steps(at(State.COMPLETE, "db_writer").progress) == "●●●●●"


def test_a_failure_says_why() -> None:
    """The person sees the reason, brackets and all."""
    failed = at(State.FAILED, "docproc", reason=Reason(code="corrupt", message="page [3] is broken"))
    assert state_text(failed) == r"failed: page \[3] is broken"


def test_a_line_tells_counts_and_time() -> None:
    """Without a terminal one line says how far a document is, what came out and how long it took."""
    item = at(State.COMPLETE, "db_writer", counts=Counts(pages=2, chunks=5, vectors=5))
    item.ended = 3.5
    assert describe(item) == "complete in 2.5 s (2 pages, 5 chunks, 5 vectors)"


def test_a_file_that_was_not_sent_says_so() -> None:
    """An error of the upload is shown at its file."""
    assert state_text(Followed(Path("a.pdf"), error="401 unknown key")) == "not sent: 401 unknown key"
