"""RTF, with striprtf."""

from __future__ import annotations

from pathlib import Path

from striprtf.striprtf import rtf_to_text

from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import refusing_malformed
from services.docproc.parsing.writer import Writer


def read(path: Path, limits: Limits) -> Extracted:
    """One text without pages. RTF itself is ASCII; the charsets are named inside."""
    writer = Writer(limits)
    with refusing_malformed("RTF document"):
        writer.block(rtf_to_text(path.read_bytes().decode("cp1252", errors="replace"), errors="replace"))
    writer.end_page(None)
    return Extracted(tuple(writer.pages), markdown=False)
