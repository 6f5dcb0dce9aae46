"""The body of a request, piece by piece as it arrives: with an end to waiting, and unzipped where it is zipped."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.api_gateway.problems import Problem

PIECE = 64 * 1024
DRAINED_BYTES, DRAINED_SECONDS = 16 * 1024 * 1024, 2.0
SLOWEST = 4 * 1024
"""Bytes/s: of a body that is kept as a whole. Events may come as they happen."""
_GZIP = 31


def announced(request: Request) -> int:
    """How long the body is going to be; 0 where that isn't said."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


async def next_piece(stream: AsyncGenerator[bytes, None], idle: float) -> bytes:
    """Empty at the end. Raises Problem 408 where nothing comes for `idle` seconds."""
    try:
        async with asyncio.timeout(idle):
            return await anext(stream, b"")
    except TimeoutError:
        raise Problem(408, "idle", f"nothing of the body arrived for {idle:g} s") from None


class Pace:
    """Keeps who sends a few bytes now and then from holding a place for days. `idle` in seconds."""

    def __init__(self, stream: AsyncGenerator[bytes, None], idle: float) -> None:
        self._stream = stream
        self._idle = idle
        self._waited = 0.0
        self.read = 0

    async def next_piece(self) -> bytes:
        """Empty at the end. Raises Problem 408, also where the bytes so far took `idle` longer than they may."""
        began = time.monotonic()
        piece = await next_piece(self._stream, self._idle)
        self._waited += time.monotonic() - began
        if self._waited > self._idle + self.read / SLOWEST:
            raise Problem(408, "too_slow", f"less than {SLOWEST} bytes/s of the body arrived")
        self.read += len(piece)
        return piece


class Body:
    """What a request sends, read once. Raises Problem 415 for an encoding that nobody here knows."""

    def __init__(self, request: Request, idle: float) -> None:
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise Problem(415, "unknown_encoding", "`Content-Encoding` may be `gzip`, or be left out")
        self._zipped = encoding == "gzip"
        self._idle = idle
        self._stream = request.stream()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Of at most some ten thousand bytes each. Raises Problem 408 and 400, and ClientDisconnect."""
        gunzip = Gunzip() if self._zipped else None
        while piece := await next_piece(self._stream, self._idle):
            for part in gunzip.feed(piece) if gunzip else (piece,):
                yield part
        if gunzip and not gunzip.complete:
            raise Problem(400, "malformed_gzip", "the body ends before its gzip data do")

    async def drain(self) -> None:
        """Takes what a client sends that doesn't listen yet: a connection closed meanwhile would lose the answer."""
        left = DRAINED_BYTES
        with contextlib.suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(DRAINED_SECONDS):
                while left > 0 and (piece := await anext(self._stream, b"")):
                    left -= len(piece)


class Gunzip:
    """Hands out pieces of bounded size, however well they were packed."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    @property
    def complete(self) -> bool:
        return self._member.eof

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Raises Problem 400 for what is no gzip."""
        more = True
        while packed or more:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                part = self._member.decompress(packed, PIECE)
            except zlib.error:
                raise Problem(
                    400, "malformed_gzip", "the body is not gzip, though `Content-Encoding` says so"
                ) from None
            if part:
                yield part
            packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            more = len(part) == PIECE and not self._member.eof
