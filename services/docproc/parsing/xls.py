"""Workbooks of Excel before 2007: each sheet a page, its cells a table."""

from __future__ import annotations

import struct
from pathlib import Path

from olefile import OleFileIO

from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import corrupt, encrypted, refusing_malformed
from services.docproc.parsing.xlsx import KIND, read_workbook

_STREAMS = ("Workbook", "Book")
_PASSWORD, _END = 0x2F, 0x0A


def read(path: Path, limits: Limits) -> Extracted:
    """As the workbooks of today, but the container isn't packed: nothing in it can grow."""
    with refusing_malformed(KIND), OleFileIO(str(path)) as file:
        name = next((each for each in _STREAMS if file.exists(each)), None)
        if name is None:
            raise corrupt(KIND, "it holds no workbook")
        with file.openstream(name) as stream:
            if _is_locked(stream.read()):
                raise encrypted(KIND)
    return read_workbook(path, limits)


def _is_locked(records: bytes) -> bool:
    """Whether the first part of the workbook, which is never encrypted itself, asks for a password."""
    place = 0
    while place + 4 <= len(records):
        kind, size = struct.unpack_from("<HH", records, place)
        if kind in (_PASSWORD, _END):
            return bool(kind == _PASSWORD)
        place += 4 + size
    return False
