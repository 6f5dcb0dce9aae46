"""pymongo's errors as ours: what is a record's fault, what is a bug, and what is an outage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from bson.errors import BSONError
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError

from shared.errors import Code, Fatal, Permanent, Transient

DUPLICATE_KEY = 11000
REFUSED_DOCUMENTS = {121, 10334, 17280, 17419, 17420}
OUR_MISTAKES = {2, 9, 14, 40, 59}
OTHER_INDEX = {85, 86}


@contextlib.contextmanager
def map_pymongo_errors() -> Iterator[None]:
    """Only a refused document is the record's fault; what we asked wrongly is a bug, and raised as it is.

    Everything else is an outage, of the server or of its configuration: away, no primary, full, a wrong password, a
    write that too few have.
    """
    try:
        yield
    except (BSONError, DocumentTooLarge, OverflowError, UnicodeError) as error:
        raise Permanent(Code.STORE_REJECTED, f"mongodb can't hold the record: {error}") from error
    except PyMongoError as error:
        codes = _codes(error)
        if codes & REFUSED_DOCUMENTS:
            raise Permanent(Code.STORE_REJECTED, f"mongodb refuses the record: {_said(error)}") from error
        if codes & OTHER_INDEX:
            raise Fatal(f"mongodb has an index of other fields by that name, drop it: {_said(error)}") from error
        if codes & OUR_MISTAKES:
            raise
        raise Transient(f"mongodb: {_said(error)}") from error


def only_duplicates(error: BulkWriteError) -> bool:
    """Whether every document that wasn't written met one with its key."""
    details: Mapping[str, Any] = error.details
    return not details["writeConcernErrors"] and all(item["code"] == DUPLICATE_KEY for item in details["writeErrors"])


def _codes(error: PyMongoError) -> set[int]:
    if isinstance(error, BulkWriteError):
        return {item["code"] for item in error.details["writeErrors"]} - {DUPLICATE_KEY}
    return {error.code or 0} if isinstance(error, OperationFailure) else set()


def _said(error: PyMongoError) -> str:
    """Without the description of the whole topology that pymongo adds."""
    return f"{type(error).__name__}: {str(error).split(', Timeout:')[0][:500]}"
