"""What became of a document: the fold of its `documents.status` records, made by db_writer for MongoDB and by the
gateway for what MongoDB doesn't have yet.

The fold is idempotent and, but for the order of the timeline, commutative: repeated and late records change nothing.
Only where two chunkers completed one version does the order of their statuses count, which is the topic's: see
`newest_edition`.

A version is failed while at least one record that it needs lies in the dead letters: each is a setback, which ends when
the record is redriven and works, and begins anew when it fails again. Complete and superseded stay what they are.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import Instant
from shared.contracts.documents import DELETIONS, Counts, DocumentStatus, Reason, Receipt, Stage, State
from shared.kafka.records import Record
from shared.setbacks import Setback, merge_setbacks, setbacks_in

_STAGES = {stage: place for place, stage in enumerate(Stage)}
_STATES = {
    State.RECEIVED: 0,
    State.PROCESSING: 10,
    State.DELETING: 10,
    State.FAILED: 20,
    State.COMPLETE: 30,
    State.DELETED: 30,
    State.SUPERSEDED: 40,
}
FINAL = frozenset({State.COMPLETE, State.FAILED, State.SUPERSEDED, State.DELETED})

ENDED = frozenset({State.COMPLETE, State.SUPERSEDED, State.DELETED})
"""What no redrive changes any more."""

REMEMBERED_VERSIONS = 10
"""The timeline of a document that changes daily must not grow for ever: it tells of the newest versions."""


def rank(state: State, stage: Stage) -> int:
    """Of one version, the status with the greater rank is the later one."""
    return _STATES[state] + (_STAGES[stage] if state in {State.PROCESSING, State.DELETING} else 0)


class Moment(BaseModel):
    """One step of one version; the first run of a step is the one that is kept."""

    model_config = ConfigDict(frozen=True)

    version: int
    stage: Stage
    state: State
    at: Instant


class Edition(BaseModel):
    """The newest complete content: what readers see, while a newer version may be on its way.

    `chunker` is the fingerprint of what cut it, empty where its parts didn't say; `s3_path` is where the original lies,
    None where they didn't say.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    content_sha256: str
    counts: Counts
    chunker: str = ""
    s3_path: str | None = None


class Held(BaseModel):
    """The stored bytes of one version."""

    model_config = ConfigDict(frozen=True)

    version: int
    s3_path: str


class Document(BaseModel):
    """A document as known from its statuses. `current` is None before the first complete version.

    `tombstone` is the version of its last deletion, kept for ever: nothing older shows, or stays, whatever is replayed.
    `held` are the objects that a deletion would have to remove, of the newest versions.

    `state`, `stage`, `reason` and `updated_at` follow from `progress`, the furthest that the version came, None where
    only failures are known, and from `setbacks`.
    """

    model_config = ConfigDict(frozen=True)

    document_id: str
    company_id: str
    version: int
    state: State
    stage: Stage
    content_sha256: str
    counts: Counts = Counts()
    reason: Reason | None = None
    filename: str | None = None
    name: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    s3_path: str | None = None
    received_at: Instant | None = None
    warnings: tuple[str, ...] = ()
    updated_at: Instant
    current: Edition | None = None
    timeline: tuple[Moment, ...] = ()
    progress: Moment | None = None
    setbacks: tuple[Setback, ...] = ()
    tombstone: int | None = None
    receipt: Receipt | None = None
    held: tuple[Held, ...] = ()

    @property
    def needed_objects(self) -> set[str]:
        """Of its newest version, and of the one that readers see; none of a deleted document."""
        if self.state in DELETIONS:
            return set()
        versions = {self.version, self.current.version if self.current else None}
        named = {path for path in (self.s3_path, self.current.s3_path if self.current else None) if path}
        return named | {held.s3_path for held in self.held if held.version in versions}

    @property
    def rank(self) -> int:
        return rank(self.state, self.stage)


FACTS = ("filename", "name", "media_type", "size_bytes", "s3_path", "received_at")


def fold(document: Document | None, status: DocumentStatus) -> Document:
    """The document after one more status. A newer version replaces what is known of the older one's progress."""
    if document is None or status.version > document.version:
        return _begin(document, status)
    if status.version < document.version:
        return document.model_copy(update=_history(document, status))
    return _advance(document, status)


def about(status: DocumentStatus, record: Record) -> DocumentStatus:
    """The same, naming the record whose handling it tells of: by this a redrive takes back the failure before."""
    return status.model_copy(update={"source": record.first.position, "attempt": record.redrives})


def _begin(document: Document | None, status: DocumentStatus) -> Document:
    earlier = document.timeline if document else ()
    if document and document.state not in FINAL:
        earlier = (*earlier, Moment(version=document.version, stage=status.stage, state=State.SUPERSEDED, at=status.at))
    setbacks = () if status.state in ENDED else merge_setbacks(setbacks_in(status))
    progress = None if status.state is State.FAILED else _moment(status)
    tombstone = newest_tombstone(document.tombstone if document else None, _tombstone(status))
    return Document(
        document_id=status.document_id,
        company_id=status.company_id,
        version=status.version,
        content_sha256=status.content_sha256,
        counts=status.counts,
        warnings=status.warnings,
        current=newest_edition(document.current if document else None, _edition(status), tombstone),
        timeline=_remember(earlier, _moment(status)),
        tombstone=tombstone,
        receipt=fuller_receipt(receipt_of(document), status.receipt) if status.state in DELETIONS else None,
        held=merge_held(document.held if document else (), _held(status), tombstone),
        **outcome(progress, setbacks),
        **{fact: getattr(status, fact) for fact in FACTS},
    )


def _history(document: Document, status: DocumentStatus) -> dict[str, Any]:
    """A status of an older version says nothing about the newer one; it may still be the newest complete one."""
    timeline = _remember(document.timeline, _moment(status))
    if status.attempt and status.version < document.version:
        end = Moment(version=status.version, stage=status.stage, state=State.SUPERSEDED, at=status.at)
        ended = any(known.version == end.version and known.state is end.state for known in timeline)
        timeline = timeline if ended else _remember(timeline, end)
    tombstone = newest_tombstone(document.tombstone, _tombstone(status))
    return {
        "timeline": timeline,
        "current": newest_edition(document.current, _edition(status), tombstone),
        "tombstone": tombstone,
        "held": merge_held(document.held, _held(status), tombstone),
    }


def _advance(document: Document, status: DocumentStatus) -> Document:
    changes = _history(document, status)
    changes["counts"] = merge_counts(document.counts, status.counts)
    changes["receipt"] = fuller_receipt(document.receipt, status.receipt)
    changes["warnings"] = document.warnings or status.warnings
    changes |= {fact: getattr(status, fact) for fact in FACTS if getattr(document, fact) is None}
    told = None if status.state is State.FAILED else _moment(status)
    progress = furthest(progress_of(document), told)
    setbacks = merge_setbacks((*setbacks_of(document), *setbacks_in(status)))
    return document.model_copy(update=changes | outcome(progress, setbacks))


def _moment(status: DocumentStatus) -> Moment:
    return Moment(version=status.version, stage=status.stage, state=status.state, at=status.at)


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


def _edition(status: DocumentStatus) -> Edition | None:
    if status.state is not State.COMPLETE:
        return None
    return Edition(
        version=status.version,
        content_sha256=status.content_sha256,
        counts=status.counts,
        chunker=status.chunker or "",
        s3_path=status.s3_path,
    )


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


def _tombstone(status: DocumentStatus) -> int | None:
    return status.version if status.state in DELETIONS else None


def newest_tombstone(known: int | None, said: int | None) -> int | None:
    return max((version for version in (known, said) if version is not None), default=None)


def receipt_of(document: Document | None) -> Receipt | None:
    """Also for a deletion of what was deleted already."""
    return document.receipt if document and document.state in DELETIONS else None


def fuller_receipt(known: Receipt | None, said: Receipt | None) -> Receipt | None:
    """A deletion that is repeated finds nothing any more: what was removed is what the first run found."""
    receipts = [receipt for receipt in (known, said) if receipt]
    return max(receipts, key=lambda receipt: (receipt.chunks + receipt.vectors, receipt.objects), default=None)


def _held(status: DocumentStatus) -> tuple[Held, ...]:
    if status.s3_path is None or status.state in DELETIONS:
        return ()
    return (Held(version=status.version, s3_path=status.s3_path),)


def merge_held(known: tuple[Held, ...], said: tuple[Held, ...], tombstone: int | None) -> tuple[Held, ...]:
    """By version, without what was deleted."""
    by_version = {held.version: held for held in (*said, *known) if held.version > _least(tombstone)}
    return tuple(by_version[version] for version in sorted(by_version)[-REMEMBERED_VERSIONS:])


def _remember(timeline: tuple[Moment, ...], moment: Moment) -> tuple[Moment, ...]:
    step = (moment.version, moment.stage, moment.state)
    if any((known.version, known.stage, known.state) == step for known in timeline):
        return timeline
    longer = (*timeline, moment)
    oldest = sorted({known.version for known in longer})[-REMEMBERED_VERSIONS:][0]
    return tuple(known for known in longer if known.version >= oldest)
