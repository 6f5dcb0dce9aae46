"""Keeps other sites' pages from opening a session here."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

POLICY_VIOLATION = 1008


class SameOrigin:
    """Refuses a websocket whose page came from another host.

    Streamlit would refuse it too, but to be sure of its own address it first asks a server on the internet for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and _foreign(Headers(scope=scope)):
            await WebSocketClose(POLICY_VIOLATION)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _foreign(headers: Headers) -> bool:
    """A client that is no browser names no origin."""
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
