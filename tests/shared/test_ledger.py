"""The fleet's account, from its processes' reports."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.contracts.fleet import LedgerLine, ProcessReport
from shared.kafka.ledger import Ledger, Outcome
from shared.ledger import together

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def report(*lines: LedgerLine) -> ProcessReport:
    return ProcessReport(
        service="docproc",
        instance="docproc@host:1",
        started_at=NOW,
        reported_at=NOW,
        records_in=0,
        records_out=0,
        retries=0,
        dead_letters=0,
        ledger=lines,
    )


def account(topic: str, *, read: int, done: int, held: int) -> LedgerLine:
    ledger = Ledger("docproc", "docproc")
    ledger.read(topic, read)
    ledger.settle(topic, Outcome.DONE, done)
    (line,) = ledger.lines({topic: held})
    return line


def test_lines_of_several_processes_are_one() -> None:
    """Of one group and topic everything is summed; another topic has a line of its own."""
    one, other = account("a", read=5, done=3, held=2), account("b", read=1, done=1, held=0)
    lines = together([report(one), report(one, other)])
    assert [(line.topic, line.read, line.done, line.held, line.imbalance) for line in lines] == [
        ("a", 10, 6, 4, 0),
        ("b", 1, 1, 0, 0),
    ]


def test_a_record_that_is_nowhere_shows() -> None:
    """Neither held nor settled: the line doesn't balance; and one counted twice doesn't either."""
    assert account("a", read=5, done=3, held=1).imbalance == 1
    assert account("a", read=5, done=5, held=1).imbalance == -1
