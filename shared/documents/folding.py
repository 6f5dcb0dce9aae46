"""One more status.

The fold is idempotent and, but for the order of the timeline, commutative: repeated and late records change nothing.
Only where two chunkers completed one version, or a stage said twice what it cost, does the order of the statuses count,
which is the topic's: see `newest_edition` and `first_bill`.

A version is failed while at least one record that it needs lies in the dead letters: each is a setback, which ends when
the record is redriven and works, and begins anew when it fails again. Complete and superseded stay what they are.
"""

from __future__ import annotations

from typing import Any

from shared.contracts.documents import DELETIONS, DocumentStatus, State
from shared.documents.merging import (
    first_bill,
    fuller_receipt,
    furthest,
    merge_counts,
    merge_held,
    newest_edition,
    newest_tombstone,
    outcome,
    progress_of,
    receipt_of,
    setbacks_of,
)
from shared.documents.model import ENDED, FACTS, FINAL, REMEMBERED_VERSIONS, Document, Edition, Held, Moment
from shared.kafka.records import Record
from shared.setbacks import merge_setbacks, setbacks_in


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
        bill=status.bill,
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
    changes["bill"] = first_bill(document.bill, status.bill)
    changes["receipt"] = fuller_receipt(document.receipt, status.receipt)
    changes["warnings"] = document.warnings or status.warnings
    changes |= {fact: getattr(status, fact) for fact in FACTS if getattr(document, fact) is None}
    told = None if status.state is State.FAILED else _moment(status)
    progress = furthest(progress_of(document), told)
    setbacks = merge_setbacks((*setbacks_of(document), *setbacks_in(status)))
    return document.model_copy(update=changes | outcome(progress, setbacks))


def _moment(status: DocumentStatus) -> Moment:
    return Moment(version=status.version, stage=status.stage, state=status.state, at=status.at)


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


def _tombstone(status: DocumentStatus) -> int | None:
    return status.version if status.state in DELETIONS else None


def _held(status: DocumentStatus) -> tuple[Held, ...]:
    if status.s3_path is None or status.state in DELETIONS:
        return ()
    return (Held(version=status.version, s3_path=status.s3_path),)


def _remember(timeline: tuple[Moment, ...], moment: Moment) -> tuple[Moment, ...]:
    step = (moment.version, moment.stage, moment.state)
    if any((known.version, known.stage, known.state) == step for known in timeline):
        return timeline
    longer = (*timeline, moment)
    oldest = sorted({known.version for known in longer})[-REMEMBERED_VERSIONS:][0]
    return tuple(known for known in longer if known.version >= oldest)
