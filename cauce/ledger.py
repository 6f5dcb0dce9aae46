"""`cauce ledger`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from cauce.accepted import Accepted, accepted
from cauce.cluster import cluster, stores
from cauce.console import out, say
from compose.local.stored import Stores
from shared.contracts.fleet import LedgerLine
from shared.documents import Document
from shared.kafka.client import Connection, offset_ranges
from shared.ledger import newest_reports, together
from shared.topics import UPLOADS_RECEIVED

_COLUMNS = ("read", "done", "folded", "superseded", "skipped", "dead_lettered", "returned", "held")


def ledger(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what became of every record that was read: one line per consumer group and topic, which must balance.

    read = done + folded into a newer one of its batch + superseded by what the store had + skipped, as put back for
    another group + dead-lettered + returned when its partition moved + held at this moment. By what the processes
    that are there have reported within the last seconds; a process counts from its start. The last line compares what
    was accepted, as the stores have seen it acknowledged, with what the log of uploads holds, and counts the documents
    that were accepted and have no record any more. Ends with 1 where a line doesn't balance: then a record was
    forgotten, counted twice, or lost.

    \b
    cauce ledger
    cauce ledger --json | jq '.lines[] | select(.imbalance != 0)'
    """
    connection, _ = cluster()
    lines = together(asyncio.run(newest_reports(connection)))
    uploads = asyncio.run(_accepted(connection, stores()))
    if as_json:
        out.print_json(as_document(lines, uploads))
    elif lines:
        out.print(render(lines))
        say(verdict(lines))
    else:
        say("no process has reported lately: is a fleet running? See `cauce status`")
    if not as_json:
        say(verdict_on_accepted(uploads))
    if any(line.imbalance for line in lines) or not uploads.balances:
        raise typer.Exit(1)


async def _accepted(connection: Connection, where: Stores) -> Accepted:
    kept = await offset_ranges(connection, [UPLOADS_RECEIVED.name])
    stored = await asyncio.to_thread(where.logs)
    unfinished = [
        Document.model_validate({**row, "document_id": row["_id"]})
        for row in await asyncio.to_thread(lambda: list(where.unfinished_documents()))
    ]
    return accepted(stored.get(UPLOADS_RECEIVED.name), kept, unfinished)


def verdict_on_accepted(uploads: Accepted) -> str:
    """What was accepted and what became of its records, in a sentence."""
    told = f"accepted: {uploads.acknowledged:,} uploads acknowledged"
    if uploads.balances:
        return f"{told}, none of them lost"
    lost = [f"{uploads.missing:,} of their records are gone"] if uploads.missing else []
    if uploads.stranded:
        some = ", ".join(uploads.stranded[:5]) + (", …" if len(uploads.stranded) > 5 else "")
        lost.append(f"{len(uploads.stranded):,} documents wait for a record that is gone: {some}")
    return f"{told}; {'; '.join(lost)}: see `cauce topics adopt`"


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


def as_document(lines: Sequence[LedgerLine], uploads: Accepted) -> str:
    return json.dumps(
        {
            "lines": [{**line.model_dump(), "imbalance": line.imbalance} for line in lines],
            "accepted": {
                "acknowledged": uploads.acknowledged,
                "missing": uploads.missing,
                "stranded": list(uploads.stranded),
            },
        }
    )
