"""HTTP/1.1 as every process speaks it: uvicorn's, with an end to what it would take or wait for without end.

Uvicorn has no limit on a request's head, on trailers, on a chunk's extensions, or on the time that they take.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

import uvicorn
from starlette.types import ASGIApp
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
LINGER_SECONDS = 2.0
MOST_WAITING = 32  # requests on one connection that were sent ahead of their turn


_VERSIONS = frozenset({"1.0", "1.1"})
_OF_BODIES = frozenset({b"content-length", b"transfer-encoding"})


def served(app: ASGIApp, host: str, port: int, *, websockets: bool = False) -> uvicorn.Config:
    """With websockets by uvicorn's own protocol, which hands a connection over to them."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="auto" if websockets else Guarded,
        ws="auto" if websockets else "none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        lifespan="off",
    )


def _refusal(status: int, code: str, detail: str) -> bytes:
    """A whole answer, with a problem as RFC 9457 has it."""
    title = HTTPStatus(status).phrase
    problem = {"type": f"urn:cauce:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    body = json.dumps(problem)
    head = f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n{body}".encode()


_MALFORMED = _refusal(400, "malformed_request", "this is no request of HTTP/1.1 that can be read without doubt")
_TOO_LARGE = _refusal(431, "head_too_large", f"a request's address and header may have {HEAD_BYTES} bytes together")
_UPGRADE = _refusal(400, "no_upgrade", "a request that asks for another protocol may have no body: leave out `Upgrade`")
_TOO_SLOW = _refusal(408, "idle", f"the request's header was not complete after {HEAD_SECONDS:g} s")


class _Enough(Exception):
    """Ends the parsing."""


class Guarded(HttpToolsProtocol):
    """One connection. Whoever breaks the rules is told so, if that can be done, and not listened to any more."""

    _head = 0  # bytes of address, header and trailers
    _unheard = 0  # bytes of which the parser said nothing yet: it may be keeping them
    _in_head = False
    _deaf = False
    _deadline: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    _why = _MALFORMED

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Uvicorn tells it only to the newest request, which may be waiting for the turn of the one that runs."""
        self._stop_waiting()
        if self._under_way is not None:
            self._abandon(self._under_way)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unheard += len(data)
        super().data_received(data)
        if self._unheard > HEAD_BYTES and not self._deaf:
            self._refuse(_TOO_LARGE)
        if not self._deaf:
            self._await_request()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    @property
    def _under_way(self) -> RequestResponseCycle | None:
        """The request that is being answered."""
        return None if self._running is None or self._running.response_complete else self._running

    @staticmethod
    def _abandon(cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()

    def _await_request(self) -> None:
        """Also what still comes of a body after its answer has no more time than a head."""
        if self._under_way is not None:
            self._stop_waiting()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._expire)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        if self._in_head:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._heard(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of trailers, too, which are dropped: what was not in the head has been decided without it."""
        self._heard(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def _heard(self, size: int) -> None:
        self._unheard = 0
        self._head += size
        if self._head > HEAD_BYTES:
            self._why = _TOO_LARGE
            raise _Enough

    def on_headers_complete(self) -> None:
        """The parser loses the body of a request that could be an upgrade, and what was sent behind it."""
        self._in_head = False
        if len(self.pipeline) >= MOST_WAITING or self.parser.get_http_version() not in _VERSIONS:
            raise _Enough
        upgrade = self.parser.should_upgrade()
        if upgrade and any(name in _OF_BODIES for name, _ in self.headers):
            self._why = _UPGRADE
            raise _Enough
        super().on_headers_complete()
        if upgrade:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unheard = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 it says less than ours
        """Uvicorn calls it where the parser gave up."""
        self._refuse(self._why)

    def _unsupported_upgrade_warning(self) -> None:
        """Nobody here can do anything about it."""

    def _refuse(self, refusal: bytes) -> None:
        """What a whole request before it is answered stands, and is the last on this connection."""
        self._deaf = True
        self._stop_waiting()
        cycle = self._under_way
        if cycle is not None and not cycle.more_body:
            cycle.keep_alive = False
            return
        if cycle is not None:
            self._abandon(cycle)
            if cycle.response_started:
                self.transport.close()
                return
        self.flow.resume_reading()
        self.transport.write(refusal)
        self._linger()

    def _linger(self) -> None:
        """Closed at once, with bytes of the client's unread, the connection would take the answer with it."""
        self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.close)
