"""The members of a zip container, read from its beginning without its table of contents."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"PK\x03\x04"
_CONTENT_BYTES = 64 * 1024


def members(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name, in lower case, and as much of the content as the head holds (64 KiB at most), of each member."""
    for found in re.finditer(SIGNATURE, head):
        yield _member(head, found.start())


def _member(head: bytes, start: int) -> tuple[bytes, bytes]:
    try:
        method, size, name_size, extra_size = struct.unpack_from("<8xH8xI4xHH", head, start)
    except struct.error:
        return b"", b""
    name_start = start + 30
    body_start = name_start + name_size + extra_size
    name = head[name_start : name_start + name_size].replace(b"\\", b"/").lower()
    body = head[body_start:] if method == zlib.DEFLATED else head[body_start : body_start + size]
    return name, _inflated(body) if method == zlib.DEFLATED else body


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, _CONTENT_BYTES)
    except zlib.error:
        return b""
