"""From a file to its text: one module per family of formats, chosen by the media type that ingest sniffed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from services.docproc.parsing.model import PAGE_SEPARATOR, Extracted, Heading, Limits, Page, Span, Spent
from services.docproc.parsing.refusals import corrupt, empty
from shared.errors import Code, Permanent

__all__ = [
    "PAGE_SEPARATOR",
    "PARSERS",
    "Extracted",
    "Heading",
    "Limits",
    "Page",
    "Span",
    "module_names",
    "parse",
    "parse_part",
]

_OASIS = "application/vnd.oasis.opendocument"
_OOXML = "application/vnd.openxmlformats-officedocument"
PARSERS = {
    "application/pdf": "pdf",
    f"{_OOXML}.wordprocessingml.document": "docx",
    f"{_OOXML}.presentationml.presentation": "pptx",
    f"{_OOXML}.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-excel": "xls",
    f"{_OASIS}.text": "odt",
    f"{_OASIS}.presentation": "odp",
    f"{_OASIS}.spreadsheet": "ods",
    "application/epub+zip": "epub",
    "application/rtf": "rtf",
    "message/rfc822": "eml",
    "application/vnd.ms-outlook": "msg",
    "text/html": "html",
    "text/markdown": "markdown",
    "application/x-ipynb+json": "notebook",
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "text/plain": "plain",
}
"""Media type to the module of this package that reads it; each has `read(path, limits) -> Extracted`."""


def parse(path: Path, media_type: str, limits: Limits) -> Extracted:
    """The text of the file, page by page.

    Raises Permanent with `empty`, `corrupt`, `encrypted`, `needs_ocr`, `timed_out`, `unsupported` or `too_large`. May
    raise MemoryError, hang, or end the process on a hostile file: run it in a process that can be killed.
    """
    return parse_part(path, media_type, replace(limits, spent=Spent()))


def parse_part(path: Path, media_type: str, limits: Limits) -> Extracted:
    """As `parse`, for what is attached to a document whose account `limits` carries on."""
    name = PARSERS.get(media_type)
    if name is None:
        raise Permanent(Code.UNSUPPORTED, f"Nothing here reads this type: `{media_type}`")
    if path.stat().st_size == 0:
        raise empty("file")
    try:
        extracted = _reader(name)(path, limits)
    except UnicodeError as error:
        raise corrupt("document", f"its characters can't be read: {error}") from error
    if not any(page.text.strip() for page in extracted.pages):
        raise empty("document")
    return extracted


def module_names() -> list[str]:
    """The modules that read documents, to be imported before the first one comes."""
    return [f"{__name__}.{name}" for name in sorted(set(PARSERS.values()))]


def _reader(name: str) -> Callable[[Path, Limits], Extracted]:
    reader: Callable[[Path, Limits], Extracted] = import_module(f"{__name__}.{name}").read
    return reader
