"""Every reason for which a parser refuses a document, each with words for the person who sent it."""

from __future__ import annotations

import csv
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.errors import MessageError

from lxml import etree

from shared.errors import Code, Permanent

MALFORMED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    csv.Error,
    etree.LxmlError,
    MessageError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What parsing libraries raise on bytes that break their format's rules."""


_DETAIL = 200


def empty(kind: str) -> Permanent:
    return Permanent(Code.EMPTY, f"The {kind} holds no text")


def corrupt(kind: str, detail: str) -> Permanent:
    return Permanent(Code.CORRUPT, f"The {kind} is damaged or cut short: {detail[:_DETAIL]}")


def encrypted(kind: str) -> Permanent:
    return Permanent(Code.ENCRYPTED, f"The {kind} is protected by a password: send a copy without one")


def needs_ocr(pages: int, trouble: str) -> Permanent:
    """`trouble` says why nothing here has read them."""
    return Permanent(
        Code.NEEDS_OCR,
        f"None of the {pages} page(s) has a text layer, as in a scan, and {trouble}: install it beside docproc, with "
        "the languages needed, or send the document again after text recognition (OCR)",
    )


def ocr_timed_out(late: int, pages: int) -> Permanent:
    return Permanent(
        Code.TIMED_OUT,
        f"Text recognition took too long for {late} of {pages} page(s): divide the document, or raise the deadline",
    )


def too_large(what: str, limit: int) -> Permanent:
    return Permanent(Code.TOO_LARGE, f"The document is too large, {what} allowed: {limit}")


@contextmanager
def refusing_malformed(kind: str) -> Iterator[None]:
    """Turns what a library raises on broken input into `corrupt`; a refusal and MemoryError pass as they are."""
    try:
        yield
    except MALFORMED as error:
        raise corrupt(kind, f"{type(error).__name__}: {error}") from error
