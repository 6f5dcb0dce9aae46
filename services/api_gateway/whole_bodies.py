"""Bodies that FastAPI reads by itself, with a limit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.api_gateway.bodies import Pace, announced
from services.api_gateway.parts import gateway_of
from services.api_gateway.problems import Problem

JSON_BYTES = 1024 * 1024


class WholeBody(APIRoute):
    """FastAPI itself would read a body without limit, and wait for it without end, before it asks for a key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def limited(request: Request) -> Response:
            request = _Limited(request.scope, request.receive)
            await request.body()
            return await handle(request)

        return limited


class _Limited(Request):
    """Has at most `JSON_BYTES`."""

    _whole: bytes | None = None

    async def body(self) -> bytes:
        """Raises Problem 413 and 408, and ClientDisconnect."""
        if self._whole is None:
            self._whole = await self._read()
        return self._whole

    async def _read(self) -> bytes:
        if announced(self) > JSON_BYTES:
            raise _too_large()
        pace = Pace(self.stream(), gateway_of(self).limits.idle)
        read = bytearray()
        while piece := await pace.next_piece():
            if pace.read > JSON_BYTES:
                raise _too_large()
            read += piece
        return bytes(read)


def _too_large() -> Problem:
    return Problem(413, "too_large", f"this body may have at most {JSON_BYTES} bytes", limit_bytes=JSON_BYTES)
