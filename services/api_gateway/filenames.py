"""The name a file came with, made fit to be shown: never used as a path."""

from __future__ import annotations

import unicodedata
from email.message import Message
from pathlib import PurePosixPath

from multipart import MultipartSegment

LONGEST = 255
UNNAMED = "unnamed"
_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDIRECTIONAL = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(filename: str | None) -> str:
    """The base name, without control characters and those that turn the writing direction, at most 255 characters.

    A long name keeps its extension.
    """
    base = unicodedata.normalize("NFC", filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(character for character in base if _is_shown(character)).strip()
    return _shortened(shown) if shown.strip(".") else UNNAMED


def _is_shown(character: str) -> bool:
    return unicodedata.category(character) not in _UNSHOWN and character not in _BIDIRECTIONAL


def _shortened(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    suffix = PurePosixPath(name).suffix[:32]
    return name[: LONGEST - len(suffix)] + suffix


def given(segment: MultipartSegment) -> str | None:
    """The filename of a part, also where it comes as `filename*` (RFC 2231), as some clients still send it; empty where
    its charset is none that can be read."""
    if segment.filename is not None:
        return str(segment.filename)
    message = Message()
    message["Content-Disposition"] = segment.header("Content-Disposition", "")
    try:
        return message.get_filename()
    except ValueError:
        return ""
