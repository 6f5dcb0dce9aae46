"""Two accounts of one part of a document as one. Pure; whichever account comes first."""

from __future__ import annotations

from typing import Any

from shared.contracts.costs import Bill
from shared.contracts.documents import DELETIONS, Counts, Receipt, State
from shared.documents.model import ENDED, REMEMBERED_VERSIONS, Document, Edition, Held, Moment, rank
from shared.setbacks import Setback


def progress_of(document: Document) -> Moment | None:
    """Also of a document that an older release has stored."""
    if document.progress or document.state is State.FAILED:
        return document.progress
    return Moment(version=document.version, stage=document.stage, state=document.state, at=document.updated_at)


def setbacks_of(document: Document) -> tuple[Setback, ...]:
    """Also of a document that an older release has stored."""
    if document.setbacks or document.state is not State.FAILED:
        return document.setbacks
    reason, at = document.reason, document.updated_at
    return (Setback(stage=document.stage, source="", attempt=0, failed=True, reason=reason, at=at),)


def furthest(known: Moment | None, told: Moment | None) -> Moment | None:
    """The one of the greater rank; of the same, the one known already."""
    moments = [moment for moment in (known, told) if moment]
    return max(moments, key=lambda moment: rank(moment.state, moment.stage), default=None)


def outcome(progress: Moment | None, setbacks: tuple[Setback, ...]) -> dict[str, Any]:
    """The fields of a document that follow from these two; at least one of them says something."""
    if progress and progress.state in ENDED:
        setbacks = ()
    redriven = [setback for setback in setbacks if not setback.failed]
    known = {"progress": progress, "setbacks": setbacks}
    failures = [one for one in setbacks if one.failed and (one.source or not redriven)]
    if failures or progress is None:
        first = min(failures or setbacks, key=lambda setback: (setback.at, setback.key))
        return known | {"state": State.FAILED, "stage": first.stage, "reason": first.reason, "updated_at": first.at}
    at = max(progress.at, *(setback.at for setback in redriven)) if redriven else progress.at
    return known | {"state": progress.state, "stage": progress.stage, "reason": None, "updated_at": at}


def merge_counts(known: Counts, said: Counts) -> Counts:
    """What is known stays; of the vectors, which grow, the greater number."""
    return Counts(
        pages=said.pages if known.pages is None else known.pages,
        chunks=said.chunks if known.chunks is None else known.chunks,
        vectors=max((n for n in (known.vectors, said.vectors) if n is not None), default=None),
    )


def first_bill(known: Bill, said: Bill) -> Bill:
    """Of each stage what it said first: a replay finds its vectors in the cache, and costs what it costs."""
    return Bill(docproc=known.docproc or said.docproc, embedding=known.embedding or said.embedding)


def newest_edition(known: Edition | None, said: Edition | None, tombstone: int | None) -> Edition | None:
    """The one of the greater version; of one version, the one whose chunker is known, else the one known already; none
    that was deleted.

    Once a version is complete, db_writer deletes what other chunkers made of it: going over to one of them would leave
    readers without chunks. The original is the same for all of a version.
    """
    editions = [edition for edition in (known, said) if edition and edition.version > _least(tombstone)]
    newest = max(editions, key=lambda edition: (edition.version, edition.chunker != ""), default=None)
    if newest is None or newest.s3_path:
        return newest
    paths = (edition.s3_path for edition in editions if edition.version == newest.version and edition.s3_path)
    path = next(paths, None)
    return newest.model_copy(update={"s3_path": path}) if path else newest


def _least(tombstone: int | None) -> int:
    return -1 if tombstone is None else tombstone


def newest_tombstone(known: int | None, said: int | None) -> int | None:
    return max((version for version in (known, said) if version is not None), default=None)


def receipt_of(document: Document | None) -> Receipt | None:
    """Also for a deletion of what was deleted already."""
    return document.receipt if document and document.state in DELETIONS else None


def fuller_receipt(known: Receipt | None, said: Receipt | None) -> Receipt | None:
    """A deletion that is repeated finds nothing any more: what was removed is what the first run found."""
    receipts = [receipt for receipt in (known, said) if receipt]
    return max(receipts, key=lambda receipt: (receipt.chunks + receipt.vectors, receipt.objects), default=None)


def merge_held(known: tuple[Held, ...], said: tuple[Held, ...], tombstone: int | None) -> tuple[Held, ...]:
    """By version, without what was deleted."""
    by_version = {held.version: held for held in (*said, *known) if held.version > _least(tombstone)}
    return tuple(by_version[version] for version in sorted(by_version)[-REMEMBERED_VERSIONS:])
