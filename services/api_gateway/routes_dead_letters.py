"""Dead letters: what was given up, and putting it back. They hold every company's bytes, so an operator's key it needs.

What a person on call does here, `cauce dlq` does on the command line, which also sees more than the newest 5,000 of
each topic.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path, Query

from services.api_gateway import cursors
from services.api_gateway.auth import Operator
from services.api_gateway.dead_letter_views import (
    Discard,
    KindsView,
    KindView,
    LetterPage,
    LetterView,
    OutcomeView,
    Redrive,
    WholeLetterView,
)
from services.api_gateway.parts import GatewayParts
from services.api_gateway.problems import Problem
from services.api_gateway.views import problems
from services.api_gateway.whole_bodies import WholeBody
from shared.dead_letters import redrive as redriving
from shared.dead_letters import views
from shared.dead_letters.book import UNDONE, Entry, State, Wanted
from shared.dead_letters.letters import Identity, NoIdentity
from shared.dead_letters.mending import patching, unchanged

router = APIRouter(prefix="/dead-letters", tags=["dead letters"], route_class=WholeBody)

_PROBLEMS = problems(401, 403, 422, 503)
_OF_BODIES = problems(400, 408, 413)
Text = Annotated[str | None, Query(max_length=512)]
Moment = Annotated[str | None, Query(max_length=40, examples=["2026-01-02T03:04:00Z", "2h"])]


@router.get("", responses=_PROBLEMS)
async def list_dead_letters(
    *,
    _: Operator,
    gateway: GatewayParts,
    topic: Text = None,
    code: Text = None,
    service: Text = None,
    key: Annotated[str | None, Query(max_length=512, description="the record's; of documents the document_id")] = None,
    since: Moment = None,
    until: Moment = None,
    state: Annotated[list[State] | None, Query(description="by default those that are open or unfinished")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="at most so many on one page")] = 50,
    cursor: Annotated[str | None, Query(max_length=cursors.LONGEST, description="`next_cursor` of the page before")] = (
        None
    ),
) -> LetterPage:
    """Dead letters, the newest failure first; one that was written twice is one."""
    states = frozenset(state) if state else UNDONE
    wanted = Wanted(topic, code, service, key, _moment(since), _moment(until), states)
    entries = (await gateway.desk.book()).entries(wanted)
    after = cursors.to_letter(cursor) if cursor else None
    rest = [entry for entry in entries if after is None or _place(entry) < after]
    more = len(rest) > limit
    return LetterPage(
        dead_letters=tuple(map(LetterView.of, rest[:limit])),
        total=len(entries),
        next_cursor=cursors.of_letter(rest[limit - 1]) if more else None,
    )


def _place(entry: Entry) -> tuple[datetime, Identity]:
    return entry.letter.failed_at, entry.identity


def _moment(text: str | None) -> datetime | None:
    try:
        return views.moment(text) if text else None
    except ValueError as error:
        raise Problem(422, "invalid_request", f"a time {error}") from None


@router.get("/stats", responses=_PROBLEMS)
async def stats(_: Operator, gateway: GatewayParts) -> KindsView:
    """How many dead letters there are, by topic, code and service."""
    book = await gateway.desk.book()
    kinds = tuple(KindView.model_validate(views.counted(*row)) for row in book.stats(Wanted()).items())
    return KindsView(kinds=kinds, unreadable=book.unreadable)


@router.post("/redrive", responses=_PROBLEMS | _OF_BODIES)
async def redrive(order: Redrive, by: Operator, gateway: GatewayParts) -> OutcomeView:
    """Puts letters back to where they failed, as they were or patched. What is redriven already is not redriven again
    unless it failed again, so repeating is safe, also after a 503. An event is judged by the time at which it first
    came in: one that was late or from the future is left, unless it is patched or `accept_time` waives that rule."""
    chosen = await gateway.desk.choose(order.wanted, order.limit)
    mend = unchanged if order.patch is None else patching(order.patch)
    if order.dry_run:
        return OutcomeView.of(await gateway.operations.plan(chosen, mend, accept_time=order.accept_time))
    who = _operator(by, order.reason)
    return OutcomeView.of(await gateway.operations.redrive(chosen, mend, who, accept_time=order.accept_time))


@router.post("/discard", responses=_PROBLEMS | _OF_BODIES)
async def discard(order: Discard, by: Operator, gateway: GatewayParts) -> OutcomeView:
    """Says that nothing shall be done about letters, and why."""
    chosen = await gateway.desk.choose(order.wanted, order.limit)
    return OutcomeView.of(await gateway.operations.discard(chosen, _operator(by, order.reason)))


def _operator(by: str, why: str | None) -> redriving.Operator:
    return redriving.Operator(by, uuid4().hex, why)


@router.get("/{identity:path}", responses=_PROBLEMS | problems(404))
async def show_dead_letter(
    identity: Annotated[str, Path(examples=["docproc/documents.raw/3/42"])], _: Operator, gateway: GatewayParts
) -> WholeLetterView:
    """One with its content."""
    entry = (await gateway.desk.book()).get(_identity(identity))
    content = await gateway.desk.open([entry.letter]) if entry else []
    if entry is None or not content:
        raise Problem(404, "no_such_dead_letter", f"there is no dead letter `{identity[:300]}`")
    return WholeLetterView.opened(entry, content[0])


def _identity(text: str) -> Identity:
    try:
        return Identity.parse(text)
    except NoIdentity as error:
        raise Problem(422, "invalid_request", str(error)) from None
