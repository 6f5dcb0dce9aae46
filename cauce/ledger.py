"""`cauce ledger`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from cauce.cluster import cluster
from cauce.console import out, say
from shared.contracts.fleet import LedgerLine
from shared.ledger import newest_reports, together

_COLUMNS = ("read", "done", "folded", "superseded", "skipped", "dead_lettered", "returned", "held")


def ledger(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what became of every record that was read: one line per consumer group and topic, which must balance.

    read = done + folded into a newer one of its batch + superseded by what the store had + skipped, as put back for
    another group + dead-lettered + returned when its partition moved + held at this moment. By what the processes
    that are there have reported within the last seconds; a process counts from its start. Ends with 1 where a line
    doesn't balance: then a record was forgotten, or counted twice.

    \b
    cauce ledger
    cauce ledger --json | jq '.lines[] | select(.imbalance != 0)'
    """
    connection, _ = cluster()
    lines = together(asyncio.run(newest_reports(connection)))
    if as_json:
        out.print_json(as_document(lines))
    elif lines:
        out.print(render(lines))
        say(verdict(lines))
    else:
        say("no process has reported lately: is a fleet running? See `cauce status`")
    if any(line.imbalance for line in lines):
        raise typer.Exit(1)


def render(lines: Sequence[LedgerLine]) -> Table:
    table = Table("group", "topic", box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("balance", justify="right")
    for line in lines:
        balance = f"[red]{line.imbalance:+}[/]" if line.imbalance else "0"
        table.add_row(line.group, line.topic, *(f"{getattr(line, name):,}" for name in _COLUMNS), balance)
    return table


def verdict(lines: Sequence[LedgerLine]) -> str:
    wrong = [f"{line.group} ← {line.topic}" for line in lines if line.imbalance]
    if wrong:
        return f"doesn't balance: {', '.join(wrong)}"
    return f"balances: {sum(line.read for line in lines):,} records read, each accounted for once"


def as_document(lines: Sequence[LedgerLine]) -> str:
    return json.dumps({"lines": [{**line.model_dump(), "imbalance": line.imbalance} for line in lines]})
