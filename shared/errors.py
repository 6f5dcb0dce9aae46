"""Every error that Cauce raises on purpose, and what the consume loop does with it.

    CauceError
     ├─ Transient      an outage, not a bad record: pause, back off, try again for as long as it takes
     │   ├─ Lasting    one that neither waiting nor a restart ends: tried again all the same, and `/ready` says so
     │   │   └─ LogBroken  a topic's log is not the one that was read before: waits until a person has adopted it
     │   └─ StorePutBack  a store has less than was put into it: the consumer goes back with it
     ├─ Permanent      this record can never succeed: one dead letter with `code`, then go on
     └─ Fatal          this process must not go on: caught nowhere, ends it with exit code 1
         └─ Halt       this consumer must not go on: it leaves its group and says so until a person starts it anew

Anything else that a handler raises is *unknown* (a bug): a few attempts, then a dead letter with the traceback.
Each library's exceptions are translated into these in exactly one place: the module that imports the library.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Why a record or a document failed. The list is closed: docs/errors.md explains each and what to do about it."""

    INVALID_MESSAGE = "invalid_message"
    UNSUPPORTED = "unsupported"
    EMPTY = "empty"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    NEEDS_OCR = "needs_ocr"
    TOO_LARGE = "too_large"
    TOO_COMPLEX = "too_complex"
    TIMED_OUT = "timed_out"
    OBJECT_MISSING = "object_missing"
    OBJECT_MISMATCH = "object_mismatch"
    EMBEDDING_REJECTED = "embedding_rejected"
    UNKNOWN_TABLE = "unknown_table"
    UNKNOWN_COLLECTION = "unknown_collection"
    MODEL_MISMATCH = "model_mismatch"
    STORE_REJECTED = "store_rejected"
    INVALID_JSON = "invalid_json"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    FUTURE = "future"
    LATE = "late"
    BUG = "bug"


class CauceError(Exception):
    """The base of all of them."""


class Transient(CauceError):
    """A dependency is away or asks for patience; the same record will succeed later.

    `retry_after` is in seconds where the dependency named a time, as HTTP's Retry-After does.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Lasting(Transient):
    """An outage that neither waiting nor a restart ends; the message says what a person can do about it."""


class LogBroken(Lasting):
    """Records that were there are gone, or a topic is another one than before: going on as if nothing had happened
    would skip records, or repeat versions, in silence. Ends by itself once `cauce topics adopt` has been run."""


class StorePutBack(Transient):
    """A store has less than its consumer has put into it, as when a backup is put back: what it lacks is read again."""


class Permanent(CauceError):
    """This record can never succeed, whoever tries it and whenever; `message` is for the person who sent it."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Fatal(CauceError):
    """The process cannot go on: wrong settings, a missing C extension, a declaration that contradicts the broker."""


class Halt(Fatal):
    """Consuming must not go on before a person has looked. A restart by itself would do the same damage again, so the
    process stays, unready, and reads nothing."""
