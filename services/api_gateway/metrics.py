"""The gateway's own metrics."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = Counter("cauce_http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "cauce_http_request_seconds",
    "Time from a request's head to the head of its answer",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
CLOCK_SKEW = Gauge(
    "cauce_broker_clock_skew_seconds",
    "How far a broker's clock was ahead of the gateway's at its last acknowledgement of events, at least; negative: "
    "behind",
    ["broker"],
)
OPEN = Gauge("cauce_http_requests_open", "Requests under way, event streams included")

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Measured:
    """Counts and times requests by the route's template, so that ids don't become labels."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        with OPEN.track_inprogress():
            await self._app(scope, receive, noted)


def _note(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    route = getattr(scope.get("route"), "path", "none")
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)
