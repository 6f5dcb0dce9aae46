"""Two partial accounts of one document as one: what MongoDB has, and what the last minutes' statuses say.

Like the fold that both come from, it is idempotent and, but for one version completed by two chunkers, commutative, so
neither needs to know what the other has seen.
"""

from __future__ import annotations

from typing import Any

from shared.contracts.documents import DELETIONS, State
from shared.documents import FACTS, FINAL, Document, Moment, rank
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
from shared.setbacks import merge_setbacks


def joined(stored: Document | None, seen: Document | None) -> Document | None:
    """The newer account, completed from the older one; None if there is neither."""
    if stored is None or seen is None:
        return stored or seen
    older, newer = sorted((stored, seen), key=lambda document: (document.version, document.rank))
    tombstone = newest_tombstone(stored.tombstone, seen.tombstone)
    changes: dict[str, Any] = {
        "current": newest_edition(stored.current, seen.current, tombstone),
        "timeline": _timeline(older, newer),
        "tombstone": tombstone,
        "held": merge_held(stored.held, seen.held, tombstone),
        "receipt": fuller_receipt(receipt_of(older), newer.receipt) if newer.state in DELETIONS else newer.receipt,
    }
    if older.version == newer.version:
        changes["bill"] = first_bill(stored.bill, seen.bill)
        changes["counts"] = merge_counts(older.counts, newer.counts)
        progress = furthest(progress_of(newer), progress_of(older))
        changes |= outcome(progress, merge_setbacks((*setbacks_of(older), *setbacks_of(newer))))
        changes["warnings"] = older.warnings or newer.warnings
        changes |= {fact: getattr(older, fact) for fact in FACTS if getattr(older, fact) is not None}
    return newer.model_copy(update=changes)


def _timeline(older: Document, newer: Document) -> tuple[Moment, ...]:
    """In the order of the versions and, within one, of the work; of a step that both know, the earlier time."""
    steps: dict[tuple[int, int, str], Moment] = {}
    for moment in (*older.timeline, *newer.timeline):
        step = (moment.version, rank(moment.state, moment.stage), moment.stage.value)
        known = steps.get(step)
        steps[step] = min(known, moment, key=lambda m: m.at) if known else moment
    moments = [steps[step] for step in sorted(steps)]
    return tuple(moments if older.version == newer.version else _closed(moments, older.version))


def _closed(moments: list[Moment], version: int) -> list[Moment]:
    """An older version that nobody saw end was superseded by the first step of the next."""
    mine = [moment for moment in moments if moment.version == version]
    later = [moment for moment in moments if moment.version > version]
    if not later or any(moment.state in FINAL for moment in mine):
        return moments
    end = Moment(version=version, stage=later[0].stage, state=State.SUPERSEDED, at=later[0].at)
    place = moments.index(later[0])
    return [*moments[:place], end, *moments[place:]]
