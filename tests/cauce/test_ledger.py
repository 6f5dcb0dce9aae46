from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from cauce.accepted import Accepted, accepted
from cauce.ledger import as_document, render, verdict, verdict_on_accepted
from shared.contracts.documents import Stage, State
from shared.contracts.topics import OFFSETS_PER_INCARNATION, StoredLog
from shared.documents import Document
from shared.kafka.client import partition_of_key
from shared.kafka.records import Partition
from shared.topics import UPLOADS_RECEIVED
from tests.shared.test_ledger import account


def test_a_balance_is_said() -> None:
    """How many records there were, and that none is missing."""
    assert verdict([account("a", read=1500, done=1500, held=0)]) == (
        "balances: 1,500 records read, each accounted for once"
    )


def test_what_does_not_balance_is_named() -> None:
    """In the last line, in the table and for programs."""
    lines = [account("a", read=5, done=3, held=1), account("b", read=1, done=1, held=0)]
    console = Console(width=160, record=True, file=StringIO())
    console.print(render(lines))
    assert verdict(lines) == "doesn't balance: docproc ← a"
    assert "+1" in console.export_text()
    assert [line["imbalance"] for line in json.loads(as_document(lines, Accepted(0, 0, ())))["lines"]] == [1, 0]


NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEPT = {Partition(UPLOADS_RECEIVED.name, number): range(end) for number, end in enumerate((4, 2, 0, 0, 0, 0))}


def document(document_id: str, version: int) -> Document:
    return Document(
        document_id=document_id,
        company_id="acme",
        version=version,
        state=State.RECEIVED,
        stage=Stage.GATEWAY,
        content_sha256="0" * 64,
        updated_at=NOW,
    )


def in_partition(number: int) -> str:
    """A document whose records are in that partition."""
    names = (f"document-{attempt}" for attempt in range(1_000))
    return next(name for name in names if partition_of_key(name.encode(), UPLOADS_RECEIVED.partitions) == number)


def log(incarnation: int = 0, **ends: int) -> StoredLog:
    by_partition = {int(name[1:]): end for name, end in ends.items()}
    return StoredLog(topic=UPLOADS_RECEIVED.name, topic_id="A", incarnation=incarnation, ends=by_partition)


def test_what_was_accepted_and_is_there_balances() -> None:
    """Documents that are under way have their records."""
    uploads = accepted(log(_0=4, _1=2), KEPT, [document(in_partition(0), 3)])
    assert uploads.balances
    assert verdict_on_accepted(uploads) == "accepted: 6 uploads acknowledged, none of them lost"


def test_a_log_that_lost_its_end_does_not_balance() -> None:
    """By as many records as the stores had seen acknowledged and the log doesn't have."""
    uploads = accepted(log(_0=4, _1=5), KEPT, [document(in_partition(1), 4)])
    assert (uploads.missing, uploads.stranded) == (3, (in_partition(1),))
    assert "3 of their records are gone; 1 documents wait for a record that is gone" in verdict_on_accepted(uploads)


def test_a_document_of_a_lost_log_does_not_balance() -> None:
    """Also when the log of afterwards has been adopted: until it is uploaded again, or deleted, somebody waits."""
    base = OFFSETS_PER_INCARNATION
    waiting, again, newer = document("a", 3), document(in_partition(0), base + 1), document("c", 2 * base)
    assert accepted(log(1), KEPT, [waiting, again, newer]).stranded == ("a",)
    assert accepted(None, KEPT, []).balances
