from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import Any

import pytest

from services.api_gateway.joining import joined
from shared.contracts.costs import Bill, EmbeddingCost, ParsingCost
from shared.contracts.documents import Counts, DocumentStatus, Reason, Stage, State
from shared.documents import Document, fold
from tests.services.api_gateway.world import status


def step(state: State, stage: Stage, version: int, minute: int, **more: Any) -> DocumentStatus:
    """Of one version everything but the progress is the same in every status."""
    record: dict[str, Any] = {
        name: more.pop(name) for name in ("source", "attempt", "warnings", "bill") if name in more
    }
    told = status("d", state, stage, version=version, minute=minute, sha256=f"{version:064}", **more)
    return told.model_copy(update={"received_at": datetime(2026, 1, 2, version, tzinfo=UTC), **record})


PARSED = Bill(docproc=ParsingCost(pages=2, bytes=900, cpu_seconds=0.25))
EMBEDDED = Bill(embedding=EmbeddingCost(tokens=70))
STEPS = (
    step(State.RECEIVED, Stage.GATEWAY, 1, 0),
    step(State.PROCESSING, Stage.DOCPROC, 1, 1, counts=Counts(pages=2, chunks=5), warnings=("w",), bill=PARSED),
    step(
        State.COMPLETE, Stage.DB_WRITER, 1, 2, counts=Counts(pages=2, chunks=5, vectors=5), chunker="f1", bill=EMBEDDED
    ),
    step(State.RECEIVED, Stage.GATEWAY, 7, 3),
    step(State.FAILED, Stage.INGEST, 7, 4, reason=Reason(code="c", message="m")),
)


def folded(statuses: Sequence[DocumentStatus]) -> Document | None:
    return reduce(fold, statuses, None)


def same(document: Document | None) -> Document | None:
    """But for the order of the timeline."""
    moments = sorted(document.timeline, key=lambda m: (m.version, m.at)) if document else ()
    return document.model_copy(update={"timeline": tuple(moments)}) if document else None


@pytest.mark.parametrize("cut", range(len(STEPS) + 1))
@pytest.mark.parametrize("overlap", range(3))
def test_two_parts_joined_are_the_whole(cut: int, overlap: int) -> None:
    """Whatever the store has and wherever the tail began, together they say what all statuses say."""
    stored, seen = folded(STEPS[:cut]), folded(STEPS[max(0, cut - overlap) :])
    assert same(joined(stored, seen)) == same(joined(seen, stored)) == same(folded(STEPS))


def test_what_the_store_says_of_the_cost_comes_first() -> None:
    """The tail may have begun with a repetition, which the first run's bill outlives."""
    again = step(State.PROCESSING, Stage.DOCPROC, 1, 5, bill=Bill(docproc=ParsingCost(bytes=900, cpu_seconds=9)))
    document = joined(folded(STEPS[:3]), folded([again]))
    assert document is not None
    assert document.bill == Bill(docproc=PARSED.docproc, embedding=EMBEDDED.embedding)


def test_joining_again_changes_nothing() -> None:
    """An account joined with itself or with a part of itself is itself."""
    whole = folded(STEPS)
    assert joined(whole, whole) == whole
    assert joined(whole, folded(STEPS[1:3])) == whole


def test_order_of_late_statuses_does_not_matter() -> None:
    """State, counts and current content don't depend on the order of arrival."""
    told = {
        document.model_copy(update={"timeline": (), "updated_at": STEPS[0].at}).model_dump_json()
        for order in permutations(STEPS)
        for cut in (2,)
        if (document := joined(folded(order[:cut]), folded(order[cut:])))
    }
    assert len(told) == 1


def test_of_two_cuts_of_one_version_the_stored_one_is_current() -> None:
    """The tail may have begun between two chunkers' completions: the rows are those of the first."""
    first, second = (STEPS[2].model_copy(update={"chunker": chunker}) for chunker in ("f2", "f1"))
    document = joined(folded([first]), folded([second]))
    assert document
    assert document.current
    assert document.current.chunker == "f2"


def test_version_that_nobody_saw_end_was_superseded() -> None:
    """The timeline says that an unfinished version ended with the first step of the next one."""
    document = joined(folded(STEPS[:2]), folded(STEPS[3:]))
    assert document
    assert [(m.version, m.state.value) for m in document.timeline] == [
        (1, "received"),
        (1, "processing"),
        (1, "superseded"),
        (7, "received"),
        (7, "failed"),
    ]


REDRIVEN = (
    *STEPS[:2],
    step(State.FAILED, Stage.EMBEDDING, 1, 3, reason=Reason(code="c", message="m"), source="c-0-1"),
    step(State.PROCESSING, Stage.EMBEDDING, 1, 4, source="c-0-1", attempt=1),
)


@pytest.mark.parametrize("cut", range(len(REDRIVEN) + 1))
def test_a_redrive_is_seen_whoever_knows_of_it(cut: int) -> None:
    """Back to processing, though one account has the failure and another the redrive."""
    stored, seen = folded(REDRIVEN[:cut]), folded(REDRIVEN[cut:])
    assert same(joined(stored, seen)) == same(joined(seen, stored)) == same(folded(REDRIVEN))
    document = joined(stored, seen)
    assert document
    assert (document.state, document.stage, document.reason) == (State.PROCESSING, Stage.EMBEDDING, None)
