"""PDF, by its text layer, with pdfium; pages that are pictures of text by Tesseract, where it is installed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing import pdf_xfa, refusals
from services.docproc.parsing.model import Extracted, Limits, Page
from services.docproc.parsing.pdf_notes import attachments
from services.docproc.parsing.pdf_outline import with_headings
from services.docproc.parsing.pdf_page import flattened, shown
from services.docproc.parsing.pdf_paragraphs import Block
from services.docproc.parsing.pdf_scans import Scans, is_scan
from services.docproc.parsing.pdf_words import undivided
from services.docproc.parsing.writer import Writer

_XFA = "A form in XFA, whose pages only a viewer can draw: its words and values are on page 1"


def read(path: Path, limits: Limits) -> Extracted:
    """Pages by their number from 1; what scans show is read where Tesseract is installed.

    Raises `needs_ocr` for a document of scans if nothing can read them, `timed_out` if most of it isn't read in time.
    """
    with closing(_open(path)) as document:
        if len(document) > limits.max_pages:
            raise refusals.too_large("pages", limits.max_pages)
        reading = _Reading(document, limits)
        pages = _written(reading.pages(), limits)
        reading.scans.check(len(document), with_text=bool(pages))
        return Extracted(with_headings(document, pages), len(document), False, tuple(reading.warnings()))


def _open(path: Path) -> pdfium.PdfDocument:
    """pdfium tries the empty password itself, so a document that only restricts printing opens."""
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise refusals.encrypted("PDF") from error
        raise refusals.corrupt("PDF", str(error)) from error


def _written(pages: list[list[Block]], limits: Limits) -> list[Page]:
    writer = Writer(limits)
    for number, blocks in enumerate(undivided(pages), start=1):
        for block in blocks:
            if isinstance(block, str):
                writer.block(block)
            else:
                writer.table(block)
        writer.end_page(number)
    return writer.pages


class _Reading:
    """One document, page by page, and what is to be said of it."""

    def __init__(self, document: pdfium.PdfDocument, limits: Limits) -> None:
        self.scans = Scans(limits.ocr_languages, limits.ocr_seconds)
        self._document = document
        self._limits = limits
        self._attached: list[str] = []

    def pages(self) -> list[list[Block]]:
        if self._document.get_formtype() != raw.FORMTYPE_NONE:
            self._document.init_forms()
        self._attached = attachments(self._document)
        pages: list[list[Block]] = []
        length = 0
        for index in range(len(self._document)):
            pages.append(self._page(index))
            length += _length(pages[-1])
            if length > self._limits.max_chars:
                raise refusals.too_large("characters of text", self._limits.max_chars)
        if pages and pdf_xfa.is_dynamic(self._document):
            pages[0].append("\n".join(pdf_xfa.words(self._document)))
        return pages

    def warnings(self) -> list[str]:
        warnings = self.scans.warnings()
        if self._attached:
            warnings.append("Files inside the PDF, not read: " + ", ".join(dict.fromkeys(self._attached)))
        return [*warnings, _XFA] if pdf_xfa.is_dynamic(self._document) else warnings

    def _page(self, index: int) -> list[Block]:
        try:
            with closing(self._document[index]) as page:
                found = shown(page)
                blocks = found.blocks
                if is_scan(page, found.letters, annotated=found.notes.drawn and not found.notes.comments):
                    blocks = self.scans.read(page, index + 1, blocks)
            self._attached += found.notes.attached
            if found.notes.drawn:
                known = [found.letters, *found.notes.comments, *(field.text for field in found.notes.fields)]
                blocks = [*blocks, "\n".join(flattened(self._document, index, "\n".join(known)))]
        except pdfium.PdfiumError as error:
            raise refusals.corrupt("PDF", f"page {index + 1}: {error}") from error
        return blocks


def _length(blocks: list[Block]) -> int:
    return sum(
        len(block) if isinstance(block, str) else sum(len(cell) for row in block for cell in row) for block in blocks
    )
