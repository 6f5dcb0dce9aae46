"""`python -m services.dashboard`: pages about streams, documents and the fleet, drawn from the gateway's answers."""

from __future__ import annotations

from services.dashboard.bootstrap import build
from services.dashboard.settings import DashboardSettings
from shared.runtime.service import main

if __name__ == "__main__":
    main("dashboard", DashboardSettings, build)
