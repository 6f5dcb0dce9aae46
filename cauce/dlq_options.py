"""What the verbs of `cauce dlq` can be told, and how it is read."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.dead_letters import mending, views
from shared.dead_letters.book import UNDONE, State, Wanted
from shared.dead_letters.letters import Identity, NoIdentity
from shared.dead_letters.mending import Mend


def identity(text: str) -> Identity:
    try:
        return Identity.parse(text)
    except NoIdentity as error:
        raise typer.BadParameter(str(error)) from None


def moment(text: str) -> datetime:
    try:
        return views.moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def rate(text: str) -> float:
    """`20/s` or `30/m`, in records a second."""
    number, _, unit = text.partition("/")
    if unit not in {"", "s", "m"} or not number.isdecimal() or int(number) == 0:
        raise typer.BadParameter("must be a number of records in a second or a minute: `20/s`, `30/m`")
    return int(number) / (60 if unit == "m" else 1)


def patch(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise typer.BadParameter("must be a JSON object, such as '{\"rating\": 5}'; null removes a field")
    return found


def states(text: str) -> frozenset[State]:
    choices = {"undone": UNDONE, "all": frozenset(State), **{state.value: frozenset({state}) for state in State}}
    if text not in choices:
        raise typer.BadParameter(f"must be one of: {', '.join(choices)}")
    return choices[text]


Topic = Annotated[str | None, typer.Option(help="Where the record was: ratings, documents.raw, …")]
Code = Annotated[str | None, typer.Option(help="Of the error; docs/errors.md lists them.")]
Service = Annotated[str | None, typer.Option(help="Who failed.")]
Key = Annotated[str | None, typer.Option(help="Of the record; of documents and their parts it is the document_id.")]
Since = Annotated[
    datetime | None,
    typer.Option(
        parser=moment, metavar="TIME", help="Failed at most so long ago, `2h`, or at 2026-01-02T03:04Z or later."
    ),
]
Until = Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="Failed before.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Names = Annotated[
    list[Identity] | None, typer.Argument(parser=identity, metavar="IDENTITY…", help="These, or those that match.")
]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many, the oldest first.")]
By = Annotated[str | None, typer.Option(help="Who acts; by default your user and host.")]
Rate = Annotated[
    float | None, typer.Option(parser=rate, metavar="N/s", help="So many in a second, or in a minute: `30/m`.")
]
Transform = Annotated[
    Path | None,
    typer.Option(metavar="FILE.py", help="Its `transform(value, headers)` returns what to send, or None to leave it."),
]
Patch = Annotated[
    dict[str, Any] | None,
    typer.Option(parser=patch, metavar="JSON", help="A merge patch (RFC 7396) of every value; null removes a field."),
]

AcceptTime = Annotated[
    bool,
    typer.Option("--accept-time", help="Waive the rule of late and future for these; --why says why, and is kept."),
]


def mend_by(transform: Path | None, merge_patch: dict[str, Any] | None) -> Mend:
    """Raises BadTransform."""
    if transform and merge_patch is not None:
        raise typer.BadParameter("give --transform or --patch, not both")
    if transform:
        return mending.load(transform)
    return mending.unchanged if merge_patch is None else mending.patching(merge_patch)


def to_act_on(names: list[Identity] | None, wanted: Wanted) -> Wanted:
    """Without a name or a filter nothing is acted upon: that everything is meant has to be said."""
    if names and wanted != Wanted():
        raise typer.BadParameter("give identities, or options that select some, not both")
    if names:
        return Wanted(identities=frozenset(names))
    if wanted == Wanted():
        raise typer.BadParameter("say which: identities, or options that select some; all of them: --since 3650d")
    return Wanted(wanted.topic, wanted.code, wanted.service, wanted.key, wanted.since, wanted.until, UNDONE)
