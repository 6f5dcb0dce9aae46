"""Zip containers written field by field, so that each field may lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

from tests.services.docproc.hostile.office_files import word_xml

DEFLATED, STORED = 8, 0


@dataclass(frozen=True, slots=True)
class Member:
    """`claimed_*` are what the directory at the end says; the header beside the bytes says the truth."""

    name: bytes
    body: bytes
    size: int
    crc: int
    method: int = DEFLATED
    flags: int = 0
    claimed_size: int | None = None
    claimed_packed: int | None = None
    claimed_name: bytes | None = None
    claimed_offset: int | None = None
    attributes: int = 0
    extra: bytes = b""

    def but(self, **fields: object) -> Member:
        return replace(self, **fields)  # type: ignore[arg-type]


def member(name: str | bytes, content: bytes | str, method: int = DEFLATED) -> Member:
    raw = content.encode() if isinstance(content, str) else content
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(raw) + packer.flush() if method == DEFLATED else raw
    return Member(name.encode() if isinstance(name, str) else name, body, len(raw), zlib.crc32(raw), method)


DOCUMENT = member("word/document.xml", word_xml())


def container(*members: Member, comment: bytes = b"", count: int | None = None, start: int | None = None) -> bytes:
    """`count` of members and `start` of the directory are what the last record says."""
    out, offsets = bytearray(), []
    for each in members:
        offsets.append(len(out))
        out += _local(each)
    directory = b"".join(_central(each, offset) for each, offset in zip(members, offsets, strict=True))
    last = _end(len(members) if count is None else count, len(directory), len(out) if start is None else start, comment)
    return bytes(out) + directory + last


def overlapping(name: str, times: int, one: Member) -> bytes:
    """Many entries of the directory for the bytes of one member, named by number."""
    local = _local(one)
    directory = b"".join(_central(one.but(name=(name % number).encode()), 0) for number in range(times))
    return local + directory + _end(times, len(directory), len(local), b"")


def zip64(*members: Member, count: int, size: int, start: int) -> bytes:
    """The directory's record in its 64-bit form, with these words in it."""
    body = b"".join(_local(each) for each in members)
    directory = b"".join(_central(each, 0) for each in members)
    at = len(body) + len(directory)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    return body + directory + record + locator + _end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, b"")


def _local(each: Member) -> bytes:
    sizes = (each.crc, len(each.body), each.size)
    head = struct.pack(
        "<4sHHHHHIIIHH", b"PK\3\4", 20, each.flags, each.method, 0, 33, *sizes, len(each.name), len(each.extra)
    )
    return head + each.name + each.extra + each.body


def _central(each: Member, offset: int) -> bytes:
    name = each.name if each.claimed_name is None else each.claimed_name
    packed = len(each.body) if each.claimed_packed is None else each.claimed_packed
    size = each.size if each.claimed_size is None else each.claimed_size
    at = offset if each.claimed_offset is None else each.claimed_offset
    fields = (0x0314, 20, each.flags, each.method, 0, 33, each.crc, packed, size, len(name), len(each.extra), 0, 0, 0)
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", *fields, each.attributes, at) + name + each.extra


def _end(count: int, size: int, start: int, comment: bytes) -> bytes:
    short = min(count, 0xFFFF)
    return struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, short, short, size, start, len(comment)) + comment
