"""Statuses folded into documents, in memory; what is written, and what goes afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from typing import NamedTuple

from services.db_writer.parts import Tally
from shared.contracts.documents import DocumentStatus, Receipt, Stage, State
from shared.documents import Document, fold


class Stored(NamedTuple):
    """A document as it was read, with the number of times it had been written."""

    revision: int
    document: Document


def changed(known: Mapping[str, Stored], statuses: Iterable[DocumentStatus]) -> list[Stored]:
    """The documents that these statuses change, in their next revision; repeated statuses change none."""
    after = []
    for document_id, told in _by_document(statuses).items():
        before = known.get(document_id)
        document = _folded(before.document if before else None, told)
        if before is None or document != before.document:
            after.append(Stored((before.revision if before else 0) + 1, document))
    return after


def _by_document(statuses: Iterable[DocumentStatus]) -> dict[str, list[DocumentStatus]]:
    grouped: defaultdict[str, list[DocumentStatus]] = defaultdict(list)
    for status in statuses:
        grouped[status.document_id].append(status)
    return grouped


def _folded(document: Document | None, statuses: list[DocumentStatus]) -> Document:
    first, *others = statuses
    return reduce(fold, others, fold(document, first))


def completed(statuses: Iterable[DocumentStatus]) -> set[str]:
    """The documents of which one of these statuses says that a version is complete."""
    return {status.document_id for status in statuses if status.state is State.COMPLETE}


def to_be_deleted(status: DocumentStatus) -> bool:
    """Whether the rows of the versions before it are to go: docproc has removed their objects."""
    return status.state is State.DELETING and status.stage is Stage.DOCPROC


def counted(status: DocumentStatus, rows: Tally) -> DocumentStatus:
    """The same deletion one stage on, with what it is about to remove."""
    removed = (status.receipt or Receipt()).model_copy(update={"chunks": rows.chunks, "vectors": rows.vectors})
    return status.model_copy(update={"stage": Stage.DB_WRITER, "receipt": removed})


def deleted(status: DocumentStatus, document: Document, at: datetime) -> DocumentStatus:
    """Its end, with the receipt of its first run; `at` is the record's time, not the clock's."""
    receipt = document.receipt if document.version == status.version else status.receipt
    return status.model_copy(update={"state": State.DELETED, "receipt": receipt, "at": at})
