"""Where the next page begins, as text that clients hand back unread."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from uuid import UUID

from services.api_gateway.problems import Problem
from services.api_gateway.store import ChunkPlace, Content, DocumentPlace

LONGEST = 512
GREATEST_INDEX = 2**31


def of_document(place: DocumentPlace) -> str:
    return _pack([place.received_at.isoformat() if place.received_at else None, place.document_id])


def to_document(cursor: str) -> DocumentPlace:
    """Raises Problem 422 for what isn't a cursor of documents."""
    match _unpack(cursor):
        case [str(received_at), str(document_id)]:
            return DocumentPlace(_instant(received_at), _id(document_id))
        case [None, str(document_id)]:
            return DocumentPlace(None, _id(document_id))
        case _:
            raise _bad()


def of_chunk(content: Content, place: ChunkPlace) -> str:
    return _pack([*content, *place])


def to_chunk(cursor: str) -> tuple[Content, ChunkPlace]:
    """The content whose pages were being read, and the place. Raises Problem 422 for what isn't a cursor of chunks."""
    match _unpack(cursor):
        case [str(sha256), str(chunker), int(chunk_index), str(chunk_id)] if 0 <= chunk_index < GREATEST_INDEX:
            return Content(sha256, chunker), ChunkPlace(chunk_index, _id(chunk_id))
        case _:
            raise _bad()


def _pack(value: list[str | int | None]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _unpack(cursor: str) -> object:
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return json.loads(packed)
    except (binascii.Error, ValueError):
        raise _bad() from None


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad() from None


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise _bad() from None


def _bad() -> Problem:
    return Problem(422, "bad_cursor", "this is not a `next_cursor` of this list: begin without one")
