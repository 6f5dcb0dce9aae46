"""Takes the body of an upload piece by piece into the object store; at no time is more than a few pieces in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from services.api_gateway.bodies import Pace, announced
from services.api_gateway.filenames import given
from services.api_gateway.parts import Limits
from services.api_gateway.problems import Problem
from shared.objects import Objects, ObjectWriter, Stored

FIELD = "file"
FORM = "multipart/form-data"
FORM_ROOM = 64 * 1024
MOST_PARTS = 64
_UNDECLARED = frozenset({"", "application/x-www-form-urlencoded"})


@dataclass(frozen=True, slots=True)
class Received:
    """A file in the store. `filename` and `media_type` are the client's word, unchecked."""

    stored: Stored
    filename: str | None
    media_type: str | None


async def receive(request: Request, objects: Objects, path: str, limits: Limits, *, raw: bool = False) -> Received:
    """Stores the file of a multipart form, or with `raw` also a body that is the file itself; it is durable on return.

    Raises Problem for what the client did wrong, ClientDisconnect, and Transient where the store is away; no object
    is left behind by any of them, except by a disk that fails at the very end: the sweeper takes that one.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == FORM:
        _check_announced(request, limits.upload_bytes, FORM_ROOM)
        return await _form(request, objects, path, limits, options.get("boundary", ""))
    if not raw:
        raise Problem(415, "not_a_form", f"the body must be `{FORM}` with one file in the field `{FIELD}`")
    _check_announced(request, limits.upload_bytes, 0)
    return await _raw(request, objects, path, limits, None if kind in _UNDECLARED else kind)


def _check_announced(request: Request, limit: int, room: int) -> None:
    """Refuses by Content-Length, before anything is read."""
    if announced(request) > limit + room:
        raise _too_large(limit)


def _too_large(limit: int) -> Problem:
    return Problem(413, "too_large", f"a file may have at most {limit} bytes", limit_bytes=limit)


async def _raw(request: Request, objects: Objects, path: str, limits: Limits, media_type: str | None) -> Received:
    async with objects.writer(path) as writer:
        async for piece in _pieces(request, limits, room=0):
            await writer.write(piece)
    return Received(writer.stored, None, media_type)


async def _form(request: Request, objects: Objects, path: str, limits: Limits, boundary: str) -> Received:
    async with objects.writer(path) as writer:
        form = _Form(writer, limits.upload_bytes)
        try:
            with PushMultipartParser(boundary, max_segment_count=MOST_PARTS) as parser:
                async for piece in _pieces(request, limits, room=FORM_ROOM):
                    for event in parser.parse(piece):
                        await form.take(event)
        except ParserLimitReached as error:
            detail = f"a form may have {MOST_PARTS} parts, each with 8 lines of header of 4 kB: {error}"
            raise Problem(413, "form_too_large", detail) from error
        except MultipartError as error:
            raise Problem(400, "malformed_form", f"the body is not a form that can be read: {error.args[0]}") from error
        file = form.file()
    return Received(writer.stored, given(file), file.content_type)


async def _pieces(request: Request, limits: Limits, room: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises Problem 413 once it is too long, 408 if too little comes for too long."""
    pace = Pace(request.stream(), limits.idle)
    while piece := await pace.next_piece():
        if pace.read > limits.upload_bytes + room:
            raise _too_large(limits.upload_bytes)
        yield piece


class _Form:
    """Sees to it that there is exactly one file, and writes it."""

    def __init__(self, writer: ObjectWriter, limit: int) -> None:
        self._writer = writer
        self._limit = limit
        self._file: MultipartSegment | None = None
        self._inside = False
        self._others: list[str] = []

    async def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event and self._inside:
            if self._writer.size_bytes + len(event) > self._limit:
                raise _too_large(self._limit)
            await self._writer.write(bytes(event))

    def _begin(self, segment: MultipartSegment) -> None:
        self._inside = segment.name == FIELD
        if not self._inside:
            self._others.append(str(segment.name)[:64])
            return
        if self._file is not None:
            raise Problem(422, "several_files", f"there is more than one `{FIELD}`: send one file per request")
        if given(segment) is None:
            detail = f"the field `{FIELD}` has no filename: is it a file? (with curl: `-F {FIELD}=@path`)"
            raise Problem(422, "not_a_file", detail)
        self._file = segment

    def file(self) -> MultipartSegment:
        if self._file is None:
            found = ", ".join(f"`{name}`" for name in self._others) or "none"
            raise Problem(422, "no_file", f"the form has no field `{FIELD}` (fields found: {found})")
        return self._file
