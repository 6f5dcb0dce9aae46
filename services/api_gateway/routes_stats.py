"""What goes on: `GET /streams/{stream}/stats`, and `/metrics/health`, `/metrics/summary`, `/metrics/topn` over all.

They stand beside Prometheus' `/metrics`, which needs no key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from services.api_gateway.auth import Company
from services.api_gateway.parts import Gateway, GatewayParts
from services.api_gateway.problems import Problem
from services.api_gateway.routes_intake import StreamName, stream_named
from services.api_gateway.routes_streams import top_of
from services.api_gateway.stats_views import MetricsHealthView, StatsView, StreamSummaryView, SummaryView, TopNView
from services.api_gateway.views import problems
from services.api_gateway.window_query import shown, window_of
from services.api_gateway.window_store import RowsWanted
from shared.errors import Transient
from shared.streams.declaration import Stream, Window
from shared.streams.tables import window_table

router = APIRouter(tags=["streams"])

PROBE_SECONDS = 2.0
FAVOURITE = "ratings"


@router.get("/streams/{stream}/stats", responses=problems(401, 404, 422, 503))
async def get_stats(
    stream: StreamName,
    _: Company,
    gateway: GatewayParts,
    field: Annotated[str | None, Query(max_length=64, description="a number, for the distribution")] = None,
) -> StatsView:
    """Events per minute as they arrived in the topic, bad ones included; how a field's values are spread over the
    newest 2,000 events; how long rows took from the newest of their events to the output topic; what was refused."""
    declared = stream_named(gateway, stream)
    if field is not None and (field not in declared.fields or not declared.fields[field].type.numeric):
        raise Problem(422, "invalid_request", f"`{field}` is no declared number of `{declared.name}`")
    return StatsView.of(await gateway.stats.of(declared, field))


@router.get("/metrics/health", responses=problems(401))
async def metrics_health(_: Company, gateway: GatewayParts) -> MetricsHealthView:
    """`degraded` where Kafka or the store of the window rows doesn't answer. `last_update` is when the newest row was
    computed that this gateway has seen."""
    kafka, rows = await asyncio.gather(_answers(gateway.metrics.probe()), _answers(gateway.windows.ping()))
    at = gateway.live.last_update
    return MetricsHealthView(
        status="ok" if kafka and rows else "degraded",
        kafka_connected=kafka,
        last_update=datetime.fromtimestamp(at / 1000, UTC) if at else None,
    )


async def _answers(probe: Coroutine[None, None, None]) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await probe
    except (Transient, TimeoutError):
        return False
    return True


@router.get("/metrics/summary", responses=problems(401, 503))
async def metrics_summary(_: Company, gateway: GatewayParts) -> SummaryView:
    """Per stream: how many events its topic ever had, and the newest row of each table that isn't grouped."""
    streams = list(gateway.streams.values())
    totals = await gateway.stats.totals(streams)
    return SummaryView(
        streams=tuple([await _summary(gateway, stream, totals.get(stream.name, 0)) for stream in streams])
    )


async def _summary(gateway: Gateway, stream: Stream, total: int) -> StreamSummaryView:
    ungrouped = [window for window in stream.windows if not window.group_by]
    rows = [row for window in ungrouped for row in await _newest_row(gateway, stream, window)]
    return StreamSummaryView(name=stream.name, events_total=total, windows=tuple(rows))


async def _newest_row(gateway: Gateway, stream: Stream, window: Window) -> list[dict[str, Any]]:
    found = await gateway.windows.rows(RowsWanted(window_table(stream, window), limit=1))
    return [{"table": window.table, **shown(stream, window, row)} for row in found]


@router.get("/metrics/topn", responses=problems(401, 404, 422, 503))
async def metrics_topn(
    _: Company,
    gateway: GatewayParts,
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
    stream: Annotated[str | None, Query(description="`ratings`, or the first with a `top`, unless given")] = None,
    table: Annotated[str | None, Query(description="the stream's first with a `top`, unless given")] = None,
) -> TopNView:
    """The first `limit` rows of the newest window: the films rated most often, where nothing else is asked for."""
    declared = stream_named(gateway, stream) if stream else _with_top(gateway)
    window = window_of(declared, table or _first_top(declared), with_top=True)
    top = await top_of(gateway, declared, window, n=limit)
    return TopNView(stream=declared.name, **dict(top))


def _with_top(gateway: Gateway) -> Stream:
    """Raises Problem 404 where no stream has one."""
    found = [stream for stream in gateway.streams.values() if _first_top(stream)]
    if not found:
        raise Problem(404, "no_such_table", "no declared stream has a window with a `top`")
    return next((stream for stream in found if stream.name == FAVOURITE), found[0])


def _first_top(stream: Stream) -> str | None:
    return next((window.table for window in stream.windows if window.top), None)
