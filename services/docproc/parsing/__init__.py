"""From a file to its text: one module per family of formats, chosen by the media type that ingest sniffed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from services.docproc.parsing.model import Extracted, Heading, Limits, Page
from services.docproc.parsing.refusals import empty
from shared.errors import Code, Permanent

__all__ = ["PARSERS", "Extracted", "Heading", "Limits", "Page", "module_names", "parse"]

_OOXML = "application/vnd.openxmlformats-officedocument"
PARSERS = {
    "application/pdf": "pdf",
    f"{_OOXML}.wordprocessingml.document": "docx",
    f"{_OOXML}.presentationml.presentation": "pptx",
    f"{_OOXML}.spreadsheetml.sheet": "xlsx",
    "application/epub+zip": "epub",
    "application/rtf": "rtf",
    "message/rfc822": "eml",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "text/plain": "plain",
}
"""Media type to the module of this package that reads it; each has `read(path, limits) -> Extracted`."""


def parse(path: Path, media_type: str, limits: Limits) -> Extracted:
    """The text of the file, page by page.

    Raises Permanent with `empty`, `corrupt`, `encrypted`, `needs_ocr`, `timed_out`, `unsupported` or `too_large`. May raise
    MemoryError, hang, or end the process on a hostile file: run it in a process that can be killed.
    """
    name = PARSERS.get(media_type)
    if name is None:
        raise Permanent(Code.UNSUPPORTED, f"Nothing here reads this type: `{media_type}`")
    if path.stat().st_size == 0:
        raise empty("file")
    extracted = _reader(name)(path, limits)
    if not any(page.text.strip() for page in extracted.pages):
        raise empty("document")
    return extracted


def module_names() -> list[str]:
    """The modules that read documents, to be imported before the first one comes."""
    return [f"{__name__}.{name}" for name in sorted(set(PARSERS.values()))]


def _reader(name: str) -> Callable[[Path, Limits], Extracted]:
    reader: Callable[[Path, Limits], Extracted] = import_module(f"{__name__}.{name}").read
    return reader
