from __future__ import annotations

import json
from io import StringIO

from rich.console import Console

from cauce.ledger import as_document, render, verdict
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
    assert [line["imbalance"] for line in json.loads(as_document(lines))["lines"]] == [1, 0]
