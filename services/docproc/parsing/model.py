"""What parsing takes and gives: plain values that cross a process boundary by pickle."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from shared.contracts.kinds import Kind

PAGE_SEPARATOR = "\n\n"


@dataclass(slots=True)
class Spent:
    """What a document and all that is attached to it have cost so far."""

    pages: int = 0
    unpacked_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document, with all that is attached to it, may cost before it is refused as `too_large`."""

    max_pages: int = 5_000
    """Pages, slides or sheets."""
    max_chars: int = 20_000_000
    """Characters of extracted text."""
    max_chunks: int = 200_000
    """Chunks of one document."""
    max_unpacked_bytes: int = 512 * 1024 * 1024
    """Bytes that the members of zip containers (DOCX, PPTX, XLSX, ODT, EPUB …) may unpack to, all together."""
    max_depth: int = 3
    """Attachments of attachments that are read; what is attached deeper is left out with a warning."""
    ocr_languages: str = "eng"
    """Tesseract's names of the languages in which scans are read, joined by `+`."""
    ocr_seconds: float = 90.0
    """What reading the scans of one document may take; those that are left then aren't read."""
    spent: Spent = field(default_factory=Spent, compare=False)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the document; `start` is the offset of its line in the page's text."""

    level: int
    title: str
    start: int


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a page's text that is of another kind than running text; half-open."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page, slide or sheet; `number` counts from 1 and is None where the format has no pages.

    Where the format marks headings and lists, the text carries them as Markdown does (`#`, `-`, `|`). `spans` come in
    order and don't overlap; tables of Markdown need none, they are known by their lines.
    """

    number: int | None
    text: str
    headings: tuple[Heading, ...] = ()
    spans: tuple[Span, ...] = ()


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
