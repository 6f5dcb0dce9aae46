"""The HTTP side as one ASGI application; it connects to nothing by itself."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.routing import Route
from starlette.types import ASGIApp

from services.api_gateway import (
    problems,
    routes_dead_letters,
    routes_deletion,
    routes_documents,
    routes_events,
    routes_intake,
    routes_live,
    routes_overview,
    routes_stats,
    routes_streams,
    routes_uploads,
)
from services.api_gateway.heads import Heads
from services.api_gateway.metrics import Measured
from services.api_gateway.parts import Gateway
from services.api_gateway.views import problems as described
from shared.runtime.health import Health, routes

_ABOUT = """Documents in, their state and chunks out; events of declared streams in, their windows out.

Every error is a problem (RFC 9457, `application/problem+json`); `code` tells programs what happened."""

_ROUTES = (
    routes_uploads,
    routes_documents,
    routes_deletion,
    routes_events,
    routes_intake,
    routes_streams,
    routes_live,
    routes_stats,
    routes_overview,
    routes_dead_letters,
)


def create(gateway: Gateway, health: Health) -> ASGIApp:
    """Its routes see only what is in `gateway`; `/live`, `/ready` and `/metrics` come from `health`."""
    app = api()
    app.state.gateway = gateway
    app.router.routes.extend(routes(health))
    addresses = [route for module in _ROUTES for route in module.router.routes if isinstance(route, Route)]
    problems.install(app, addresses)
    return Measured(Heads(app))


def api() -> FastAPI:
    """What is described at `/openapi.json`, and shown at `/docs` without an address elsewhere."""
    app = FastAPIOffline(
        title="Cauce", version=_version(), description=_ABOUT, redoc_url=None, responses=described(400, 431)
    )
    for module in _ROUTES:
        app.include_router(module.router)
    return app


def _version() -> str:
    """Of the distribution; in a checkout that isn't installed there is none."""
    try:
        return version("cauce")
    except PackageNotFoundError:
        return "0"
