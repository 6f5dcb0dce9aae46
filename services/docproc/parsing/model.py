"""What parsing takes and gives: plain values that cross a process boundary by pickle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

PAGE_SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost before it is refused as `too_large`."""

    max_pages: int = 5_000
    """Pages, slides or sheets."""
    max_chars: int = 20_000_000
    """Characters of extracted text."""
    max_unpacked_bytes: int = 512 * 1024 * 1024
    """Bytes that the members of a zip container (DOCX, PPTX, XLSX, EPUB) may unpack to, all together."""
    ocr_languages: str = "eng"
    """Tesseract's names of the languages in which scans are read, joined by `+`."""
    ocr_seconds: float = 90.0
    """What reading the scans of one document may take; those that are left then aren't read."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the document; `start` is the offset of its line in the page's text."""

    level: int
    title: str
    start: int


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page, slide or sheet; `number` counts from 1 and is None where the format has no pages.

    Where the format marks headings and lists, the text carries them as Markdown does (`#`, `-`, `|`).
    """

    number: int | None
    text: str
    headings: tuple[Heading, ...] = ()


@dataclass(frozen=True)
class Extracted:
    """A document's text. `page_count` counts all pages, also those without text, which `pages` leaves out."""

    pages: tuple[Page, ...]
    page_count: int | None = None
    markdown: bool = True
    """False where `#` and `-` at the start of a line mean nothing: plain text, PDF."""
    warnings: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The pages joined by a blank line; a chunk's character range refers to this."""
        return PAGE_SEPARATOR.join(page.text for page in self.pages)
