"""Puts the dashboard together: Streamlit as an ASGI app, under the runtime that every service has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from services.dashboard.origins import SameOrigin
from services.dashboard.settings import DashboardSettings
from shared.runtime.health import Health, routes
from shared.runtime.service import Service

NAME = "dashboard"
SCRIPT = Path(__file__).parent / "app.py"
"""Streamlit runs it anew for every session; its options and colours are in `.streamlit/config.toml` beside it."""


async def _nothing() -> None:
    """The dashboard serves also while the gateway is away: its pages say so."""


@asynccontextmanager
async def build(settings: DashboardSettings) -> AsyncIterator[Service]:
    health = Health(NAME)
    app = st.App(SCRIPT, routes=routes(health), middleware=[Middleware(SameOrigin)])
    async with app.lifespan()(app):
        yield Service(health, settings.http_host, settings.http_port, _nothing, app=app, websockets=True)
