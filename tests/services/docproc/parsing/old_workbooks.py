"""Workbooks of Excel of before 2007, record by record."""

from __future__ import annotations

import struct

from tests.services.docproc.parsing.compound import compound


def record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def begin(kind: int) -> bytes:
    return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0, 0, 0, 0))


END = record(0x0A)


def old_stream(*sheets: tuple[bytes, bytes], password: bytes = b"") -> bytes:
    """The stream of an old workbook: sheets as names and records of cells; every second one is hidden."""
    formats = b"".join(record(0xE0, struct.pack("<HH", 0, number) + bytes(16)) for number in (0, 14))
    parts = [begin(16) + cells + END for _, cells in sheets]

    def globals_at(place: int) -> bytes:
        listed = b""
        for number, ((name, _), part) in enumerate(zip(sheets, parts, strict=True)):
            listed += record(0x85, struct.pack("<IBBBB", place, number % 2, 0, len(name), 0) + name)
            place += len(part)
        return begin(5) + password + formats + listed + END

    return globals_at(len(globals_at(0))) + b"".join(parts)


def old(*sheets: tuple[bytes, bytes], password: bytes = b"", name: str = "Workbook") -> bytes:
    return compound({name: old_stream(*sheets, password=password).ljust(5000, b"\0")})
