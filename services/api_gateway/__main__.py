"""`python -m services.api_gateway`: documents in over HTTP, their state and chunks out."""

from __future__ import annotations

from services.api_gateway.bootstrap import build
from services.api_gateway.settings import GatewaySettings
from shared.runtime.service import main

if __name__ == "__main__":
    main("api_gateway", GatewaySettings, build)
