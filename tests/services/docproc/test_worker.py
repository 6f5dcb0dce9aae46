"""What a parsing process does with errors that no parser foresees."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from services.docproc import parsing
from services.docproc.chunking import ChunkOptions
from services.docproc.parsing import Limits
from services.docproc.worker import OutOfMemory, Refused, WorkerOptions, parse_document
from shared.errors import Code

OPTIONS = WorkerOptions(ChunkOptions(), Limits(max_chunks=3), 2**30)


class Panic(BaseException):
    """As a library that is written in Rust raises it."""


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", None)  # which the worker changes, in a process of its own
    path = tmp_path / "document"
    path.write_text("The river begins here.\n\n" * 200)
    return path


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def parse(path: Path, media_type: str, limits: Limits) -> parsing.Extracted:
        raise error

    monkeypatch.setattr(parsing, "parse", parse)


def test_a_panic_is_a_refusal(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no Exception, and its class can't be pickled: let through, it would break the pool."""
    raising(monkeypatch, Panic("index out of bounds " * 1_000))
    refused = parse_document(document, "text/plain", OPTIONS)
    assert isinstance(refused, Refused)
    assert refused.code is Code.TOO_COMPLEX
    assert len(refused.message) < 400


def test_nesting_too_deep_is_a_refusal(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python gives up at its limit of recursion, and the process is as good as before."""
    raising(monkeypatch, RecursionError())
    assert isinstance(refused := parse_document(document, "text/plain", OPTIONS), Refused)
    assert refused.code is Code.TOO_COMPLEX


def test_want_of_memory_is_told_apart(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool replaces a process that has reached its cap."""
    raising(monkeypatch, MemoryError())
    assert parse_document(document, "text/plain", OPTIONS) == OutOfMemory()


def test_a_bug_is_not_hidden(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of our own goes to the dead letters with its traceback, not to the sender as a damaged document."""
    raising(monkeypatch, KeyError("x"))
    with pytest.raises(KeyError):
        parse_document(document, "text/plain", OPTIONS)


def test_characters_that_cannot_be_are_no_bug(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that hands on halves of surrogate pairs tells of the document, not of us."""
    monkeypatch.setattr(parsing, "_reader", lambda name: lambda path, limits: "\ud800".encode())
    assert isinstance(refused := parse_document(document, "text/plain", OPTIONS), Refused)
    assert refused.code is Code.CORRUPT


def test_more_chunks_than_allowed_are_too_many(document: Path) -> None:
    """A document's output is bounded by their number too, since each carries its headings."""
    assert isinstance(refused := parse_document(document, "text/plain", OPTIONS), Refused)
    assert (refused.code, refused.message) == (Code.TOO_LARGE, "The document is too large, chunks allowed: 3")


def test_temporary_files_lie_beside_the_document(document: Path) -> None:
    """So that they go with it, though the process be killed."""
    parse_document(document, "text/plain", OPTIONS)
    assert Path(tempfile.gettempdir()) == document.parent.resolve()
