"""Where the next page begins, as text that clients hand back unread."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from services.api_gateway.problems import Problem
from services.api_gateway.store import ChunkPlace, Content, DocumentPlace
from services.api_gateway.window_store import Value
from shared.dead_letters.book import Entry
from shared.dead_letters.letters import Identity, NoIdentity
from shared.tables import Column, WindowTable

LONGEST = 8192
GREATEST_INDEX = 2**31
GREATEST_NUMBER = 2**63


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


def of_row(table: str, key: Sequence[Value]) -> str:
    """`key` has the values of the table's key columns."""
    return _pack([table, *(value.isoformat() if isinstance(value, datetime) else value for value in key)])


def to_row(cursor: str, table: WindowTable) -> list[Value]:
    """Raises Problem 422 for what isn't a cursor of this table's rows."""
    match _unpack(cursor):
        case [table.name, *values] if len(values) == len(table.key):
            return [_cell(column, value) for column, value in zip(table.key, values, strict=True)]
        case _:
            raise _bad()


def of_letter(entry: Entry) -> str:
    return _pack([entry.letter.failed_at.isoformat(), str(entry.identity)])


def to_letter(cursor: str) -> tuple[datetime, Identity]:
    """Raises Problem 422 for what isn't a cursor of dead letters."""
    match _unpack(cursor):
        case [str(failed_at), str(identity)]:
            try:
                return _instant(failed_at), Identity.parse(identity)
            except NoIdentity:
                raise _bad() from None
        case _:
            raise _bad()


def _cell(column: Column, value: object) -> Value:
    match value:
        case str() if column.sql.startswith("DATETIME"):
            return _instant(value)
        case str() if column.sql.startswith("VARCHAR") and value.encode(errors="replace").decode() == value:
            return value
        case int() | float() if not column.sql.startswith(("DATETIME", "VARCHAR")) and abs(value) < GREATEST_NUMBER:
            return value
    raise _bad()


def _pack(value: Sequence[str | int | float | None]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _unpack(cursor: str) -> object:
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return json.loads(packed)
    except (binascii.Error, ValueError, RecursionError):
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
