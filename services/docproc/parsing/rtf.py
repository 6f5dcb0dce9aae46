"""RTF, with striprtf."""

from __future__ import annotations

from pathlib import Path

from striprtf.striprtf import rtf_to_text

from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import refusing_malformed
from services.docproc.parsing.writer import Writer


def read(path: Path, limits: Limits) -> Extracted:
    """One text without pages."""
    writer = Writer(limits)
    writer.block(text_of(path.read_bytes()))
    writer.end_page(None)
    return Extracted(tuple(writer.pages), markdown=False)


def text_of(data: bytes) -> str:
    """RTF itself is ASCII; the charsets are named inside. Raises Permanent(corrupt)."""
    with refusing_malformed("RTF document"):
        return str(rtf_to_text(data.decode("cp1252", errors="replace"), errors="replace"))
