"""What is known of a document after each status."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.costs import Bill, EmbeddingCost, ParsingCost
from shared.contracts.documents import Counts, DocumentStatus, Reason, Receipt, Stage, State
from shared.documents import Document, fold

START = datetime(2026, 1, 1, tzinfo=UTC)


def status(version: int, state: State, stage: Stage, second: int = 0, **facts: Any) -> DocumentStatus:
    sha = f"{version:064d}"
    at = START + timedelta(seconds=second)
    return DocumentStatus(
        document_id="d", company_id="c", version=version, state=state, stage=stage, at=at, content_sha256=sha, **facts
    )


PARSED = Bill(docproc=ParsingCost(pages=2, bytes=900, cpu_seconds=0.25))
EMBEDDED = Bill(embedding=EmbeddingCost(tokens=70, cache_hits=1))
COUNTED = {
    "docproc": {"counts": Counts(pages=2, chunks=5), "warnings": ("page 2 left out",), "bill": PARSED},
    "db_writer": {"counts": Counts(chunks=5, vectors=5), "chunker": "f1", "s3_path": "c/1", "bill": EMBEDDED},
}

LIFE = [
    status(1, State.RECEIVED, Stage.GATEWAY, 0, filename="a.pdf"),
    status(1, State.PROCESSING, Stage.INGEST, 1, media_type="application/pdf"),
    status(1, State.PROCESSING, Stage.DOCPROC, 2, **COUNTED["docproc"]),
    status(1, State.PROCESSING, Stage.EMBEDDING, 3, counts=Counts(vectors=5)),
    status(1, State.COMPLETE, Stage.DB_WRITER, 4, **COUNTED["db_writer"]),
]


def folded(statuses: list[DocumentStatus]) -> Document:
    document = None
    for one in statuses:
        document = fold(document, one)
    assert document is not None
    return document


def test_a_bill_is_written_once() -> None:
    """A stage's first run is what it cost: a repeated one finds vectors in the cache. A new version begins anew."""
    again = Bill(embedding=EmbeddingCost(cache_hits=5))
    repeated = status(1, State.COMPLETE, Stage.DB_WRITER, 9, bill=again)
    assert folded([*LIFE, repeated]) == folded(LIFE)
    assert folded([*LIFE, status(2, State.RECEIVED, Stage.GATEWAY, 9)]).bill == Bill()
    assert folded([status(2, State.RECEIVED, Stage.GATEWAY, 9), *LIFE]).bill == Bill()


def test_a_whole_life() -> None:
    """The last status gives the state; facts and counts of all of them are gathered."""
    document = folded(LIFE)
    assert (document.state, document.stage) == (State.COMPLETE, Stage.DB_WRITER)
    assert document.counts == Counts(pages=2, chunks=5, vectors=5)
    assert (document.filename, document.media_type) == ("a.pdf", "application/pdf")
    assert [moment.stage for moment in document.timeline] == list(Stage)
    assert document.bill == Bill(docproc=PARSED.docproc, embedding=EMBEDDED.embedding)
    assert document.current is not None
    assert (document.current.version, document.current.chunker, document.current.s3_path) == (1, "f1", "c/1")
    assert document.warnings == ("page 2 left out",)


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::7])
def test_order_does_not_matter(order: tuple[int, ...]) -> None:
    """Statuses of one version come out the same in whatever order they are folded, their timeline's order aside."""
    document, straight = folded([LIFE[place] for place in order]), folded(LIFE)
    assert document.model_copy(update={"timeline": ()}) == straight.model_copy(update={"timeline": ()})
    assert set(document.timeline) == set(straight.timeline)


def test_repetition_changes_nothing() -> None:
    """A replay of everything leaves the document as it is, with the times of the first run."""
    again = [one.model_copy(update={"at": one.at + timedelta(hours=1)}) for one in LIFE]
    assert folded(LIFE + again) == folded(LIFE)


def test_older_versions_never_overwrite_newer_ones() -> None:
    """A late status of an older version is remembered in the timeline and changes nothing else."""
    newer = fold(folded(LIFE[:2]), status(2, State.RECEIVED, Stage.GATEWAY, 9, filename="b.pdf"))
    late = fold(newer, status(1, State.FAILED, Stage.DOCPROC, 10, reason=Reason(code="empty", message="no text")))
    assert (late.version, late.state, late.reason, late.filename) == (2, State.RECEIVED, None, "b.pdf")


def test_a_newer_version_supersedes_an_unfinished_one() -> None:
    """The timeline says that the older version was superseded; a finished one keeps its end."""
    newer = fold(folded(LIFE[:2]), status(2, State.RECEIVED, Stage.GATEWAY, 9))
    assert (1, State.SUPERSEDED) in [(moment.version, moment.state) for moment in newer.timeline]
    after = fold(folded(LIFE), status(2, State.RECEIVED, Stage.GATEWAY, 9))
    assert (1, State.SUPERSEDED) not in [(moment.version, moment.state) for moment in after.timeline]


def test_readers_keep_the_complete_edition_until_the_next_one_is_complete() -> None:
    """A newer version that is under way, or fails, leaves the current edition what it was."""
    document = fold(folded(LIFE), status(2, State.RECEIVED, Stage.GATEWAY, 9))
    document = fold(document, status(2, State.FAILED, Stage.DOCPROC, 10, reason=Reason(code="empty", message="no")))
    assert document.current is not None
    assert (document.state, document.current.version) == (State.FAILED, 1)
    document = fold(document, status(2, State.COMPLETE, Stage.DB_WRITER, 11))
    assert document.current is not None
    assert (document.state, document.current.version, document.reason) == (State.COMPLETE, 2, None)


def test_of_two_chunkers_of_one_version_the_first_stays() -> None:
    """db_writer deletes the other's rows, so the current edition never goes over to it; a newer version is free to."""
    again = LIFE[-1].model_copy(update={"chunker": "f2"})
    assert folded([*LIFE, again]) == folded(LIFE)
    document = folded([*LIFE, again, status(2, State.COMPLETE, Stage.DB_WRITER, 9, chunker="f2")])
    assert document.current is not None
    assert (document.current.version, document.current.chunker) == (2, "f2")


def test_a_known_chunker_takes_the_place_of_an_unknown_one() -> None:
    """Old statuses don't name the chunker: whichever of the two is heard first, the one with the name stays."""
    unnamed = LIFE[-1].model_copy(update={"chunker": None})
    assert folded([unnamed, LIFE[-1]]).current == folded([LIFE[-1], unnamed]).current == folded(LIFE).current
    only = folded([unnamed]).current
    assert only is not None
    assert only.chunker == ""


def test_failed_stays_failed_under_late_progress() -> None:
    """Progress of other parts of a failed version does not make it look alive again; completion does."""
    failed = status(1, State.FAILED, Stage.EMBEDDING, 3, reason=Reason(code="embedding_rejected", message="no"))
    document = fold(folded([*LIFE[:3], failed]), LIFE[3])
    assert document.state is State.FAILED
    assert fold(document, LIFE[4]).state is State.COMPLETE


def test_the_timeline_is_bounded() -> None:
    """A document that changes for years remembers its newest versions only, in whatever order it hears of them."""
    statuses = [status(version, State.COMPLETE, Stage.DB_WRITER, version) for version in range(1, 51)]
    forwards, backwards = folded(statuses), folded(statuses[::-1])
    assert {moment.version for moment in forwards.timeline} == set(range(41, 51))
    assert set(forwards.timeline) == set(backwards.timeline)


def failure(stage: Stage, source: str, attempt: int = 0, second: int = 5, version: int = 1) -> DocumentStatus:
    reason = Reason(code="bug", message=f"{source} at {attempt}")
    return status(version, State.FAILED, stage, second, source=source, attempt=attempt, reason=reason)


def works(stage: Stage, source: str, attempt: int = 1, second: int = 6, version: int = 1) -> DocumentStatus:
    return status(version, State.PROCESSING, stage, second, source=source, attempt=attempt)


def test_a_redriven_document_goes_from_failed_to_processing_to_complete() -> None:
    """The reason goes with the failure; the timeline keeps what happened."""
    failed = folded([*LIFE[:2], failure(Stage.DOCPROC, "raw-0-1")])
    assert (failed.state, failed.stage, failed.updated_at) == (
        State.FAILED,
        Stage.DOCPROC,
        START + timedelta(seconds=5),
    )
    document = fold(failed, works(Stage.DOCPROC, "raw-0-1"))
    assert (document.state, document.stage, document.reason) == (State.PROCESSING, Stage.DOCPROC, None)
    assert document.updated_at == START + timedelta(seconds=6)
    document = folded([LIFE[0], failed_at_ingest := failure(Stage.INGEST, "up-0-1"), works(Stage.INGEST, "up-0-1")])
    assert document.state is State.PROCESSING
    assert fold(document, LIFE[4]).state is State.COMPLETE
    assert (1, State.FAILED) in [(moment.version, moment.state) for moment in document.timeline]
    assert fold(fold(document, LIFE[4]), failed_at_ingest).state is State.COMPLETE


def test_it_fails_again() -> None:
    """With the reason of the last attempt, and may be redriven once more."""
    statuses = [*LIFE[:2], failure(Stage.DOCPROC, "raw-0-1"), works(Stage.DOCPROC, "raw-0-1")]
    again = folded([*statuses, failure(Stage.DOCPROC, "raw-0-1", 1, 7)])
    assert again.state is State.FAILED
    assert again.reason is not None
    assert again.reason.message == "raw-0-1 at 1"
    assert fold(again, works(Stage.DOCPROC, "raw-0-1", 2, 8)).state is State.PROCESSING


def test_a_later_hop_may_fail_after_a_redrive() -> None:
    """Its own failure is one of its own, though it is the first attempt of that hop."""
    document = folded([LIFE[0], failure(Stage.INGEST, "up-0-1"), works(Stage.INGEST, "up-0-1", second=6)])
    document = fold(document, failure(Stage.DOCPROC, "raw-0-1", second=7))
    assert (document.state, document.stage) == (State.FAILED, Stage.DOCPROC)


def test_it_stays_failed_while_another_of_its_records_is_dead() -> None:
    """Only when none is left it is under way again; the reason is the first that is left."""
    one, two = failure(Stage.EMBEDDING, "c-0-1", second=5), failure(Stage.EMBEDDING, "c-0-2", second=6)
    document = folded([*LIFE[:3], one, two, works(Stage.EMBEDDING, "c-0-1", second=7)])
    assert document.state is State.FAILED
    assert document.reason is not None
    assert document.reason.message == "c-0-2 at 0"
    assert fold(document, works(Stage.EMBEDDING, "c-0-2", second=8)).state is State.PROCESSING


def test_a_redriven_older_version_is_superseded() -> None:
    """The newer one stays what it is; the timeline says what became of the older."""
    document = folded([LIFE[0], failure(Stage.INGEST, "up-0-1"), status(2, State.RECEIVED, Stage.GATEWAY, 9)])
    after = fold(document, works(Stage.INGEST, "up-0-1", second=10))
    assert (after.version, after.state) == (2, State.RECEIVED)
    ends = [moment.state for moment in after.timeline if moment.version == 1]
    assert ends == [State.RECEIVED, State.FAILED, State.PROCESSING, State.SUPERSEDED]
    assert fold(after, works(Stage.INGEST, "up-0-1", second=11)) == after


def without_timeline(document: Document) -> Document:
    return document.model_copy(update={"timeline": ()})


def test_failures_and_redrives_fold_in_any_order_any_number_of_times() -> None:
    """Of every subset in every order, with repetitions, comes the same."""
    told = [
        LIFE[1],
        failure(Stage.DOCPROC, "raw-0-1", 0, 5),
        works(Stage.DOCPROC, "raw-0-1", 1, 6),
        failure(Stage.DOCPROC, "raw-0-1", 1, 7),
        failure(Stage.EMBEDDING, "c-0-1", 0, 8),
        works(Stage.EMBEDDING, "c-0-1", 1, 9),
    ]
    for size in range(1, len(told) + 1):
        for some in itertools.combinations(told, size):
            straight = without_timeline(folded(list(some)))
            for order in itertools.islice(itertools.permutations(some), 0, None, 7):
                assert without_timeline(folded([*order, *order[:2]])) == straight


def test_documents_that_an_older_release_has_stored() -> None:
    """They have neither progress nor setbacks: a redrive takes their failure back all the same."""
    failed = folded([*LIFE[:2], status(1, State.FAILED, Stage.DOCPROC, 2, reason=Reason(code="bug", message="no"))])
    stored = failed.model_copy(update={"setbacks": (), "progress": None})
    assert fold(stored, LIFE[2]).state is State.FAILED
    assert fold(stored, works(Stage.DOCPROC, "raw-0-1")).state is State.PROCESSING
    assert fold(stored, LIFE[4]).state is State.COMPLETE
    under_way = folded(LIFE[:3]).model_copy(update={"progress": None})
    assert (fold(under_way, LIFE[1]).stage, fold(under_way, LIFE[4]).state) == (Stage.DOCPROC, State.COMPLETE)


def test_setbacks_are_bounded() -> None:
    """A document of thousands of chunks that all failed is not kept with all of them."""
    many = [failure(Stage.EMBEDDING, f"c-0-{number}") for number in range(150)]
    forwards, backwards = folded([LIFE[1], *many]), folded([LIFE[1], *reversed(many)])
    assert len(forwards.setbacks) == 100
    assert without_timeline(forwards) == without_timeline(backwards)
    assert folded([LIFE[1], *many, LIFE[4]]).setbacks == ()


DELETION = [
    status(3, State.DELETING, Stage.GATEWAY, 20, filename="a.pdf"),
    status(3, State.DELETING, Stage.INGEST, 21),
    status(3, State.DELETING, Stage.DOCPROC, 22, receipt=Receipt(objects=1)),
    status(3, State.DELETING, Stage.DB_WRITER, 22, receipt=Receipt(objects=1, chunks=5, vectors=5)),
    status(3, State.DELETED, Stage.DB_WRITER, 23, receipt=Receipt(objects=1, chunks=5, vectors=5)),
]
RECEIPT = Receipt(objects=1, chunks=5, vectors=5)


def test_a_deleted_document_is_gone_for_readers_at_once() -> None:
    """From the first word of its deletion on there is no current content; at the end there is a receipt."""
    first = folded([*LIFE, DELETION[0]])
    assert (first.state, first.current, first.tombstone) == (State.DELETING, None, 3)
    last = folded(LIFE + DELETION)
    assert (last.state, last.current, last.receipt, last.filename) == (State.DELETED, None, RECEIPT, "a.pdf")


@pytest.mark.parametrize("seed", range(40))
def test_nothing_late_brings_a_deleted_document_back(seed: int) -> None:
    """In whatever order statuses come, however often, the deletion stands and keeps its receipt."""
    chance = random.Random(seed)
    again = [DELETION[2], DELETION[4].model_copy(update={"receipt": Receipt(objects=1)})]
    told = [*LIFE, *DELETION, *chance.sample(LIFE, 3), *again]
    chance.shuffle(told)
    document = folded(told)
    assert (document.state, document.current, document.tombstone) == (State.DELETED, None, 3)
    assert (document.receipt, document.held) == (RECEIPT, ())


def test_a_document_may_be_uploaded_again() -> None:
    """A newer version than the deletion is a document like any other; what is older stays away."""
    later = [one.model_copy(update={"version": 4}) for one in LIFE]
    document = folded([*LIFE, *DELETION, *later, *LIFE])
    assert (document.state, document.tombstone, document.receipt) == (State.COMPLETE, 3, None)
    assert document.current is not None
    assert document.current.version == 4


def test_the_objects_that_a_deletion_has_to_remove() -> None:
    """Those of the newest versions, by version, whatever the order; none of before a deletion."""
    told = [status(n, State.RECEIVED, Stage.GATEWAY, n, s3_path=f"acme/{n}") for n in range(20)]
    assert [held.s3_path for held in folded(told[::-1]).held] == [f"acme/{n}" for n in range(10, 20)]
    deleted = fold(folded(told[:2]), status(2, State.DELETING, Stage.GATEWAY, 5, s3_path="acme/1"))
    assert deleted.held == ()


def test_a_second_deletion_keeps_the_receipt_of_the_first() -> None:
    """Whoever repeats a deletion whose answer was lost still reads what was removed."""
    second = [one.model_copy(update={"version": 4, "receipt": Receipt()}) for one in DELETION]
    document = folded(LIFE + DELETION + second)
    assert (document.version, document.state, document.receipt) == (4, State.DELETED, RECEIPT)


def test_warnings_are_those_of_the_newest_version() -> None:
    """A newer version begins without any; an older one's say nothing about it."""
    newer = fold(folded(LIFE), status(2, State.RECEIVED, Stage.GATEWAY, 9))
    assert newer.warnings == ()
    assert fold(newer, LIFE[2]).warnings == ()


def test_an_edition_keeps_its_own_original() -> None:
    """While a newer version with another original is on its way, and when an older one's completion comes late."""
    newer = status(2, State.RECEIVED, Stage.GATEWAY, 9, s3_path="c/2")
    for order in ([*LIFE, newer], [newer, *LIFE]):
        document = folded(order)
        assert document.current is not None
        assert (document.s3_path, document.current.version, document.current.s3_path) == ("c/2", 1, "c/1")


def test_an_edition_learns_where_its_original_is() -> None:
    """A completion that didn't say is completed by one that does, of another chunker too, which stays away."""
    unsaid = LIFE[-1].model_copy(update={"s3_path": None})
    other = LIFE[-1].model_copy(update={"chunker": "f2"})
    for order in ([unsaid, other], [unsaid, LIFE[-1]], [LIFE[-1], unsaid]):
        current = folded(order).current
        assert current is not None
        assert (current.chunker, current.s3_path) == ("f1", "c/1")
