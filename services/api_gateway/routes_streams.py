"""Declared streams out: what there is, the rows of their windows, their clean readings.

Streams belong to no company: any key reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from services.api_gateway import cursors
from services.api_gateway.auth import Company
from services.api_gateway.parts import Gateway, GatewayParts
from services.api_gateway.problems import Problem
from services.api_gateway.routes_intake import StreamName, stream_named
from services.api_gateway.stream_views import ReadingsView, RowsView, StreamsView, StreamView, TopView
from services.api_gateway.views import problems
from services.api_gateway.window_query import filters, instant, json_of, shown, value_of, window_of
from services.api_gateway.window_store import RowsWanted, TopWanted, Value
from shared.streams.declaration import Stream, Type, Window
from shared.streams.tables import top_view, window_table

router = APIRouter(tags=["streams"])

Table = Annotated[str | None, Query(examples=["movie_metrics_1m"], description="may be left out where there is one")]
Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many on one page")]
Cursor = Annotated[str | None, Query(max_length=cursors.LONGEST, description="`next` of the page before")]
Moment = Annotated[str | None, Query(max_length=40, examples=["2026-01-02T03:04:00Z"])]
_GROUP: dict[str, Any] = {
    "name": "filters",
    "in": "query",
    "description": "group columns by their names: `movieId=42`",
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "style": "form",
    "explode": True,
}
_BY_GROUP: dict[str, Any] = {"parameters": [_GROUP]}


@router.get("/streams", responses=problems(401))
async def list_streams(_: Company, gateway: GatewayParts) -> StreamsView:
    """Every declared stream, its fields and its windows. Streams belong to no company: any key reads all of them."""
    return StreamsView(streams=tuple(map(StreamView.of, gateway.streams.values())))


@router.get("/streams/{stream}/windows", responses=problems(401, 404, 422, 503), openapi_extra=_BY_GROUP)
async def get_windows(
    *,
    stream: StreamName,
    request: Request,
    _: Company,
    gateway: GatewayParts,
    table: Table = None,
    since: Annotated[Moment, Query(alias="from", description="windows that start then or later")] = None,
    until: Annotated[Moment, Query(alias="to", description="windows that start before")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RowsView:
    """The rows of a window table, the newest first; a row changes for as long as events of its window come in."""
    declared = stream_named(gateway, stream)
    window = window_of(declared, table)
    wanted = RowsWanted(
        table=window_table(declared, window),
        since=_moment("from", since),
        until=_moment("to", until),
        where=filters(declared, window, request.query_params, {"table", "from", "to", "limit", "cursor"}),
        after=cursors.to_row(cursor, window_table(declared, window)) if cursor else None,
        limit=limit + 1,
    )
    return await _page(gateway, declared, window, wanted)


async def _page(gateway: Gateway, stream: Stream, window: Window, wanted: RowsWanted) -> RowsView:
    found = await gateway.windows.rows(wanted)
    page = found[: wanted.limit - 1]
    more = len(found) > len(page)
    key = [page[-1][column.name] for column in wanted.table.key] if more else []
    return RowsView(
        table=window.table,
        rows=tuple(shown(stream, window, row) for row in page),
        next=cursors.of_row(window.table, key) if more else None,
    )


@router.get("/streams/{stream}/top", responses=problems(401, 404, 422, 503), openapi_extra=_BY_GROUP)
async def get_top(
    *,
    stream: StreamName,
    request: Request,
    _: Company,
    gateway: GatewayParts,
    table: Table = None,
    window: Annotated[str, Query(max_length=40, description="`latest`, or when it starts")] = "latest",
    n: Annotated[int | None, Query(ge=1, le=1000, description="as declared, unless given")] = None,
) -> TopView:
    """The first rows of one window, by the declared measure. `latest` is the newest window that has a row."""
    declared = stream_named(gateway, stream)
    found = window_of(declared, table, with_top=True)
    where = filters(declared, found, request.query_params, {"table", "window", "n"})
    start = None if window == "latest" else _moment("window", window)
    return await top_of(gateway, declared, found, n=n, start=start, where=where)


def _moment(name: str, text: str | None) -> datetime | None:
    """Raises Problem 422."""
    try:
        return instant(text) if text is not None else None
    except ValueError:
        raise Problem(
            422, "invalid_request", f"`{name}` must be a time with its zone: `2026-01-02T03:04:00Z`"
        ) from None


async def top_of(
    gateway: Gateway,
    stream: Stream,
    window: Window,
    *,
    n: int | None = None,
    start: datetime | None = None,
    where: Mapping[str, Value] | None = None,
) -> TopView:
    """Of the window that starts at `start`, the newest where it isn't given."""
    table, view = window_table(stream, window), top_view(window)
    start = start or await gateway.windows.latest(table)
    if view is None or start is None:
        return TopView(table=window.table, window_start=None, window_end=None, rows=())
    rows = await gateway.windows.top(TopWanted(table, view, start, n or view.n, where or {}))
    return TopView(
        table=window.table,
        window_start=start,
        window_end=start + window.size,
        rows=tuple(shown(stream, window, row) for row in rows),
    )


@router.get("/streams/{stream}/readings", responses=problems(401, 404, 422, 503))
async def get_readings(
    stream: StreamName, request: Request, _: Company, gateway: GatewayParts, limit: Limit = 100
) -> ReadingsView:
    """The newest clean events by their time; of one key where the field that is the topic's key is given
    (`sensor_id=3`)."""
    declared = stream_named(gateway, stream)
    if declared.readings is None:
        raise Problem(404, "no_readings", f"`{declared.name}` declares no `readings`")
    where = _by_key(declared, request)
    found = await gateway.readings.readings(declared.readings.collection, where, limit)
    return ReadingsView(collection=declared.readings.collection, rows=tuple(map(json_of, found)))


def _by_key(stream: Stream, request: Request) -> dict[str, Any]:
    key = stream.topic.key
    given = {name: text for name, text in request.query_params.items() if name != "limit"}
    if unknown := [name for name in given if name != key]:
        detail = f"`{unknown[0][:64]}` is no parameter: `limit`{f' and `{key}` are' if key else ' is'}"
        raise Problem(422, "invalid_request", detail)
    return {name: _field(name, text, stream.fields[name].type) for name, text in given.items()}


def _field(name: str, text: str, kind: Type) -> Any:
    """As readings have it: they are JSON."""
    if kind is Type.TIMESTAMP:
        return text
    value = value_of(name, text, kind)
    return bool(value) if kind is Type.BOOLEAN else value
