"""Plain text in whatever charset, source code too."""

from __future__ import annotations

from pathlib import Path

from services.docproc.parsing.charset import decode
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.writer import Writer


def read(path: Path, limits: Limits) -> Extracted:
    writer = Writer(limits)
    writer.block(decode(path.read_bytes()))
    writer.end_page(None)
    return Extracted(tuple(writer.pages), markdown=False)
