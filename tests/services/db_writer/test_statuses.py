from __future__ import annotations

from services.db_writer.statuses import Stored, changed, completed
from shared.contracts.documents import Stage, State
from tests.services.db_writer.samples import status

INGESTED = status(State.PROCESSING, Stage.INGEST)
COMPLETE = status(State.COMPLETE)


def test_statuses_of_one_batch_are_folded_into_one_write() -> None:
    """Several statuses of a document give one document in its next revision; other documents have their own."""
    first, other = changed({}, [INGESTED, COMPLETE, status(State.RECEIVED, Stage.GATEWAY, document="e")])
    assert (first.revision, first.document.state, len(first.document.timeline)) == (1, State.COMPLETE, 2)
    assert (other.document.document_id, other.document.state) == ("e", State.RECEIVED)


def test_repeated_statuses_change_nothing() -> None:
    """What was folded already is not written again."""
    (stored,) = changed({}, [INGESTED, COMPLETE])
    assert changed({"d": stored}, [INGESTED, COMPLETE, INGESTED]) == []


def test_a_failed_newer_version_keeps_the_older_content() -> None:
    """After a newer version failed the document says so, while its current content is the older complete one."""
    (stored,) = changed({}, [COMPLETE])
    (after,) = changed({"d": Stored(7, stored.document)}, [status(State.FAILED, Stage.DOCPROC, version=2)])
    assert (after.revision, after.document.state, after.document.version) == (8, State.FAILED, 2)
    assert after.document.current is not None
    assert after.document.current.version == 1


def test_only_completions_ask_for_a_cleanup() -> None:
    """Documents without a complete status in the batch are left alone."""
    assert completed([INGESTED, status(State.FAILED, document="e"), status(State.COMPLETE, document="f")]) == {"f"}
