"""Events in: `POST /events/{stream}`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal, NoReturn

import structlog
from fastapi import APIRouter, Path, Query, Request
from multipart import parse_options_header

from services.api_gateway.auth import Company
from services.api_gateway.bodies import Body
from services.api_gateway.broker_clock import ClockApart
from services.api_gateway.events import Check
from services.api_gateway.parts import Gateway, GatewayParts
from services.api_gateway.problems import Problem, busy, unavailable
from services.api_gateway.room import Busy
from services.api_gateway.stream_views import EventsView
from services.api_gateway.taking import Rejection, Stopped, Taking, Tally
from services.api_gateway.views import problems
from shared.errors import Permanent, Transient
from shared.streams.declaration import Stream

log = structlog.get_logger()
router = APIRouter(tags=["streams"])

NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
JSON = frozenset({"application/json", ""})

StreamName = Annotated[str, Path(examples=["ratings"])]
OnError = Annotated[
    Literal["refuse", "skip"],
    Query(description="`skip` takes the good events and tells the bad ones, instead of refusing"),
]
_EVENT: dict[str, Any] = {"type": "object", "example": {"userId": 7, "movieId": 42, "rating": 4.5, "timestamp": 0}}
_BODY: dict[str, Any] = {
    "application/json": {"schema": {"oneOf": [_EVENT, {"type": "array", "items": _EVENT}]}},
    "application/x-ndjson": {"schema": {"type": "string", "description": "one event a line, as many as you like"}},
}


@router.post(
    "/events/{stream}",
    status_code=202,
    responses=problems(400, 401, 404, 408, 409, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
async def post_events(
    stream: StreamName, request: Request, _: Company, gateway: GatewayParts, on_error: OnError = "refuse"
) -> EventsView:
    """Takes in events: one JSON object, an array of them, or NDJSON (one a line, of any length; `Content-Encoding:
    gzip` is understood). The answer comes once all in-sync replicas have every accepted event.

    A bad event refuses the request. Of an object or an array nothing is taken then; NDJSON is taken as it arrives, so
    the answer says how many events before the bad one were `accepted`, and its `line`: mend it and send on from there.
    `accepted` of a 429 or a 503 is what is in Kafka for sure; after a 503 the rest may be as well, and a repeated event
    counts twice. Whether an event is `late` or from the `future` is judged by the gateway's clock as it comes in, and
    once more, by the broker's, before it is counted: where the two differ by more than the stream can bear, its events
    are refused with a 503 (`broker_clock`) until they agree.
    """
    declared = stream_for_events(gateway, stream)
    body = Body(request, gateway.limits.idle)
    check = Check(declared, request.headers.get("traceparent", "").encode() or None)
    taking = Taking(gateway.events, check, skip=on_error == "skip")
    try:
        await _take(taking, request, body, gateway, declared)
    except (Problem, Stopped, Busy, Permanent, Transient) as error:
        await body.drain()
        _refuse(error, taking.tally, declared)
    return EventsView.of(declared.name, taking.tally)


def stream_named(gateway: Gateway, name: str) -> Stream:
    """Raises Problem 404."""
    if (stream := gateway.streams.get(name)) is None:
        raise Problem(404, "no_such_stream", f"there is no stream `{name[:100]}`: `GET /streams` lists them")
    return stream


def stream_for_events(gateway: Gateway, name: str) -> Stream:
    """Raises Problem 404, and 409 for a stream that the pipeline itself writes."""
    stream = stream_named(gateway, name)
    if stream.of_pipeline:
        detail = f"the events of `{stream.name}` come from the pipeline itself, which writes `{stream.topic_name}`"
        raise Problem(409, "not_yours_to_write", detail)
    return stream


async def _take(taking: Taking, request: Request, body: Body, gateway: Gateway, stream: Stream) -> None:
    kind, _ = parse_options_header(request.headers.get("content-type", ""))
    if kind in NDJSON:
        await taking.lines(body, stream.max_event_bytes)
    elif kind in JSON:
        await taking.json(body, gateway.limits.json_bytes)
    else:
        detail = "`Content-Type` must be `application/json` (an object or an array) or `application/x-ndjson`"
        raise Problem(415, "not_events", detail)


def _refuse(error: Exception, tally: Tally, stream: Stream) -> NoReturn:
    """The problem that `error` is, with what was accepted until then."""
    facts: dict[str, Any] = {"stream": stream.name, "accepted": tally.accepted}
    if tally.line is not None:
        facts["line"] = tally.line
    match error:
        case Stopped():
            errors = [told(rejection) for rejection in tally.errors]
            raise Problem(
                422, "bad_events", _advice(tally), errors=errors, errors_total=tally.rejected, **facts
            ) from None
        case Busy():
            detail = f"too many events are under way; {_so_far(tally)}"
            raise busy(detail, **facts) from error
        case Permanent():
            detail = f"an event is, with its headers, larger than `{stream.topic_name}` takes; {_so_far(tally)}"
            raise Problem(413, "too_large", detail, **facts) from error
        case ClockApart():
            detail = f"{error}; {_so_far(tally)}"
            raise unavailable("broker_clock", detail, error.retry_after, **facts) from error
        case Transient():
            log.warning("events not acknowledged", stream=stream.name, accepted=tally.accepted, error=str(error))
            detail = f"not acknowledged in time; {_so_far(tally)}; others may be, and a repeated event counts twice"
            raise unavailable("not_acknowledged", detail, error.retry_after, **facts) from error
        case _:
            raise error


def _so_far(tally: Tally) -> str:
    return f"{tally.accepted} events were accepted for sure"


def _advice(tally: Tally) -> str:
    first = tally.errors[0]
    if first.line is not None and tally.line is not None:
        what = f"line {first.line}: {first.detail}: {_so_far(tally)}, those before it"
        return f"{what}; mend it and send on from there, or add `?on_error=skip`"
    others = f", and {tally.rejected - 1} more" if tally.rejected > 1 else ""
    return f"event {first.index}: {first.detail}{others}: nothing was accepted; `?on_error=skip` takes the good ones"


def told(rejection: Rejection) -> dict[str, Any]:
    return {name: value for name, value in asdict(rejection).items() if value is not None}
