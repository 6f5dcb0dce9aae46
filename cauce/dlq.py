"""`cauce dlq`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from cauce import dlq_desk as desks
from cauce import dlq_options as options
from cauce.cluster import gateway_url
from cauce.console import out, say
from shared.dead_letters import views
from shared.dead_letters.acting import Done
from shared.dead_letters.book import Entry, Wanted
from shared.dead_letters.letters import Identity

HELP = """
See what was given up, mend it, and put it back.

A record that can never succeed becomes a dead letter: its bytes and headers, with the error, in the topic's `.dlq`.
Each is called group/topic/partition/offset, after who failed and where the record first stood.

\b
What is there?              cauce dlq stats
Which ones, and why?        cauce dlq list --code bug --since 2h
All about one               cauce dlq show docproc/documents.raw/3/42
What would go back?         cauce dlq redrive --code bug --dry-run
Try one                     cauce dlq redrive --code bug --limit 1
Then all, gently            cauce dlq redrive --code bug --rate 20/s
Mended                      cauce dlq redrive --topic ratings --patch '{"rating": 5}'
Not worth it                cauce dlq discard --code unsupported --reason "pictures, sent by mistake"

A redriven record goes to the group that failed, under its key and its document's version. It isn't redriven again
unless it fails again: repeating a command changes nothing.
"""
_COUNTED = ("topic", "code", "service", "open", "unfinished", "redriven", "discarded", "oldest")
_SHOWN = 70

app = typer.Typer(help=HELP, no_args_is_help=True)


@app.command(name="list")
def list_letters(
    *,
    topic: options.Topic = None,
    code: options.Code = None,
    service: options.Service = None,
    key: options.Key = None,
    since: options.Since = None,
    until: options.Until = None,
    state: Annotated[str, typer.Option(help="undone (open or unfinished), all, or one of the states.")] = "undone",
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many, the newest first.")] = 50,
    as_json: options.Json = False,
) -> None:
    """List dead letters, the newest failure first. One that was written twice is one.

    A letter is open; unfinished, where a redrive was begun and nobody has said that it is done; redriven; or discarded.
    A redriven record that fails again is open once more, and counts its failures.

    \b
    cauce dlq list
    cauce dlq list --topic documents.raw --code bug --since 2h
    cauce dlq list --key 0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11 --state all
    cauce dlq list --json | jq -r '.[].identity'
    """
    wanted = Wanted(topic, code, service, key, since, until, options.states(state))
    entries = asyncio.run(desks.book()).entries(wanted)
    if as_json:
        out.print_json(json.dumps([views.summary(entry) for entry in entries[:limit]]))
        return
    if entries:
        out.print(_table(entries[:limit]))
    say(f"{len(entries)} dead letters{f', {limit} shown: --limit shows more' if len(entries) > limit else ''}")


@app.command()
def show(
    name: Annotated[Identity, typer.Argument(parser=options.identity, metavar="IDENTITY")],
    as_json: options.Json = False,
) -> None:
    """Show one: the error, the times, what was done about it, headers, value, and where its document's status is.

    \b
    cauce dlq show docproc/documents.raw/3/42
    cauce dlq show docproc/documents.raw/3/42 --json | jq .value
    """
    entry, content = asyncio.run(desks.opened(name))
    document = views.whole(entry, content)
    if as_json:
        out.print_json(json.dumps(document))
        return
    for line in views.lines(document, gateway_url()):
        say(line)


@app.command()
def redrive(
    names: options.Names = None,
    *,
    topic: options.Topic = None,
    code: options.Code = None,
    service: options.Service = None,
    key: options.Key = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = None,
    rate: options.Rate = None,
    transform: options.Transform = None,
    patch: options.Patch = None,
    accept_time: options.AcceptTime = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", "--why", help="Kept with it.")] = None,
    by: options.By = None,
) -> None:
    """Put dead letters back to where they failed, the oldest first, as they were or mended.

    Only those that are open, or unfinished for a minute, are sent. Those that can't be, such as values that are no JSON
    under a patch, are left and told. A transformation gets the value as JSON says it, or the bytes where it is none.

    An event is judged by the time at which it first came in: what was late or from the future would be again, and is
    left, unless it is changed or --accept-time waives that rule.

    \b
    cauce dlq redrive docproc/documents.raw/3/42
    cauce dlq redrive --service embedding --since 1h --dry-run
    cauce dlq redrive --topic ratings --code out_of_range --patch '{"rating": 5}'
    cauce dlq redrive --topic ratings --transform mend.py --rate 50/s
    cauce dlq redrive --topic ratings --code late --since 2h --accept-time --why "the broker's clock was ahead"
    """
    wanted = options.to_act_on(names, Wanted(topic, code, service, key, since, until))
    mend = options.mend_by(transform, patch)
    if accept_time and not (reason or "").strip():
        raise typer.BadParameter("--accept-time waives a rule of the stream: say --why, it is kept with each letter")
    if dry_run:
        done = asyncio.run(desks.plan(wanted, limit, mend, accept_time=accept_time))
        for ready in done.planned:
            say(f"would redrive {ready.entry.identity}: {_short(ready.outgoing.value)}")
        _tell_left(done)
        say(f"{len(done.planned)} would be redriven")
        _advise(done)
        return
    who = desks.operator(by, reason)
    done = asyncio.run(desks.redrive(wanted, limit, mend, who, rate, accept_time=accept_time))
    for identity, position in done.redriven.items():
        say(f"redriven {identity}: now {position}")
    for identity, position in done.found.items():
        say(f"was redriven {identity}: found at {position}")
    _tell_left(done)
    say(f"{len(done.redriven)} redriven{f', {len(done.found)} found redriven' if done.found else ''}")
    _advise(done)


@app.command()
def discard(
    names: options.Names = None,
    *,
    reason: Annotated[str, typer.Option(help="Kept with it, for whoever asks later.")],
    topic: options.Topic = None,
    code: options.Code = None,
    service: options.Service = None,
    key: options.Key = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = None,
    by: options.By = None,
) -> None:
    """Say that nothing shall be done about dead letters. They stay where they are until retention removes them.

    \b
    cauce dlq discard ingest/uploads.received/0/7 --reason "a picture, sent by mistake"
    cauce dlq discard --topic ratings --code late --until 7d --reason "last week's outage"
    """
    wanted = options.to_act_on(names, Wanted(topic, code, service, key, since, until))
    done = asyncio.run(desks.discard(wanted, limit, desks.operator(by, reason)))
    for identity in done.discarded:
        say(f"discarded {identity}")
    _tell_left(done)
    say(f"{len(done.discarded)} discarded")


@app.command()
def stats(
    *,
    topic: options.Topic = None,
    code: options.Code = None,
    service: options.Service = None,
    since: options.Since = None,
    until: options.Until = None,
    as_json: options.Json = False,
) -> None:
    """Count dead letters by topic, code and service, and say how old the oldest is that is open or unfinished.

    \b
    cauce dlq stats
    cauce dlq stats --since 24h --json
    """
    book = asyncio.run(desks.book())
    rows = [views.counted(*row) for row in book.stats(Wanted(topic, code, service, None, since, until)).items()]
    if as_json:
        out.print_json(json.dumps(rows))
        return
    table = Table(*_COUNTED, box=None)
    for row in rows:
        table.add_row(*("-" if row[name] is None else str(row[name]) for name in _COUNTED))
    out.print(table)
    if book.unreadable:
        say(f"{book.unreadable} records that say nothing of where they come from: see them with cauce tail TOPIC.dlq")


def _table(entries: Sequence[Entry]) -> Table:
    table = Table("identity", "state", "failures", "service", "code", "failed", "key", "message", box=None)
    for column in table.columns:
        column.no_wrap = column.header != "message"
    now = datetime.now(UTC)
    for entry in entries:
        letter = entry.letter
        failed = f"{views.ago(letter.failed_at, now)} ago"
        message = letter.message.strip().splitlines()[-1] if letter.message.strip() else ""
        cells = (str(entry.identity), entry.state, str(letter.failures), letter.service, letter.code, failed)
        table.add_row(*(cell.replace("[", r"\[") for cell in (*cells, letter.key_text or "-", message[:_SHOWN])))
    return table


def _tell_left(done: Done) -> None:
    for identity, why in done.left.items():
        say(f"left {identity}: {why}")


def _advise(done: Done) -> None:
    for sentence in done.advice:
        say(sentence)


def _short(value: bytes | None) -> str:
    text = "no value" if value is None else value.decode(errors="replace")
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}…"
