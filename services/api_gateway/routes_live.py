"""`GET /streams/{stream}/live`: window rows as server-sent events, milliseconds after they were computed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from services.api_gateway.auth import Company
from services.api_gateway.event_streams import described
from services.api_gateway.live_view import LiveView
from services.api_gateway.parts import GatewayParts
from services.api_gateway.problems import Problem
from services.api_gateway.routes_intake import StreamName, stream_named
from services.api_gateway.views import problems
from services.api_gateway.window_query import window_of

router = APIRouter(tags=["streams"])

PING_SECONDS = 15
_STREAM = described("events named `window`, one per row that changed; its data is `{table, …row}`")


@router.get("/streams/{stream}/live", response_class=EventSourceResponse, responses=_STREAM | problems(401, 404, 422))
async def live(
    stream: StreamName,
    _: Company,
    gateway: GatewayParts,
    table: Annotated[str | None, Query(description="of this table only; of all of them unless given")] = None,
) -> Response:
    """Rows as they change, from now on: `/windows` has those before. Who reads too slowly gets the newest of each."""
    declared = stream_named(gateway, stream)
    if not declared.windows:
        raise Problem(404, "no_such_table", f"`{declared.name}` has no window table")
    windows = (window_of(declared, table),) if table else declared.windows
    tables = frozenset(window.table for window in windows)
    return EventSourceResponse(rows(gateway.live, tables), ping=PING_SECONDS)


async def rows(view: LiveView, tables: frozenset[str]) -> AsyncIterator[ServerSentEvent]:
    with view.watch(tables) as watch:
        async for update in watch.updates():
            data = json.dumps({"table": update.table, **update.row}, ensure_ascii=False)
            yield ServerSentEvent(data=data, event="window")
