"""The whole at a glance: `GET /overview` of a company's documents, `GET /fleet` of the fleet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from services.api_gateway.auth import Company
from services.api_gateway.parts import GatewayParts
from services.api_gateway.stats_views import FleetStatusView, OverviewView
from services.api_gateway.views import problems
from shared.contracts.documents import State

router = APIRouter(tags=["overview"])

FAILURES = 20
MINUTE = timedelta(minutes=1)


@router.get("/overview", responses=problems(401, 503))
async def overview(company_id: Company, gateway: GatewayParts) -> OverviewView:
    """How many documents of the company are in which state, where those are that are under way, and what failed."""
    totals = await gateway.store.totals(company_id, datetime.now(UTC) - MINUTE)
    failed = await gateway.store.documents(company_id, State.FAILED, None, FAILURES)
    return OverviewView.of(totals, tuple(failed))


@router.get("/fleet", responses=problems(401, 503))
async def fleet(_: Company, gateway: GatewayParts) -> FleetStatusView:
    """How far each consumer group is behind, and the dead letters of each topic. Any key sees it."""
    return FleetStatusView.of(await gateway.fleet.now())
