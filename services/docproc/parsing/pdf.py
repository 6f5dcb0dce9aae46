"""PDF, by its text layer, with pdfium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing import refusals
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.pdf_outline import with_headings
from services.docproc.parsing.writer import Writer

_TYPED = (raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_FREETEXT)
_LETTERS = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\x02": "-", "\ufffe": "-"}
)
"""Ligatures as their letters; what pdfium writes for a hyphen at the end of a line as the hyphen that is seen there."""


def read(path: Path, limits: Limits) -> Extracted:
    """Pages by their number from 1. A document of which no page has text is `needs_ocr` if it shows anything."""
    with closing(_open(path)) as document:
        count = len(document)
        if count > limits.max_pages:
            raise refusals.too_large("pages", limits.max_pages)
        writer, bare = Writer(limits), []
        for number, text, drawn in _pages(document):
            writer.block(text)
            if drawn and not text.strip():
                bare.append(number)
            writer.end_page(number)
        pages = with_headings(document, writer.pages)
    if bare and not pages:
        raise refusals.needs_ocr(count)
    return Extracted(pages, count, markdown=False, warnings=_warnings(bare))


def _open(path: Path) -> pdfium.PdfDocument:
    """pdfium tries the empty password itself, so a document that only restricts printing opens."""
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise refusals.encrypted("PDF") from error
        raise refusals.corrupt("PDF", str(error)) from error


def _pages(document: pdfium.PdfDocument) -> Iterator[tuple[int, str, bool]]:
    """Number, text, and whether anything is drawn, of each page; a page that can't be loaded is corrupt."""
    if document.get_formtype() != raw.FORMTYPE_NONE:
        document.init_forms()  # draws the fields that the form's author left to the viewer
    for index in range(len(document)):
        try:
            with closing(document[index]) as page:
                text, drawn = _text(page), raw.FPDFPage_CountObjects(page) > 0
                typed = any(_subtype(page, each) in _TYPED for each in range(raw.FPDFPage_GetAnnotCount(page)))
                if typed:
                    raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            yield index + 1, text + _typed_text(document, index, text) if typed else text, drawn or typed
        except pdfium.PdfiumError as error:
            raise refusals.corrupt("PDF", f"page {index + 1}: {error}") from error


def _text(page: pdfium.PdfPage) -> str:
    with closing(page.get_textpage()) as text:
        return str(text.get_text_bounded()).translate(_LETTERS)


def _typed_text(document: pdfium.PdfDocument, index: int, known: str) -> str:
    """What was typed into fields and notes, which has become a part of the page; flattening may garble the rest."""
    with closing(document[index]) as page:
        lines = _text(page).splitlines()
    return "".join(f"\n{line}" for line in lines if line.strip() and line.strip() not in known)


def _subtype(page: pdfium.PdfPage, index: int) -> int:
    annotation = raw.FPDFPage_GetAnnot(page, index)
    subtype: int = raw.FPDFAnnot_GetSubtype(annotation)
    raw.FPDFPage_CloseAnnot(annotation)
    return subtype


def _warnings(bare: list[int]) -> tuple[str, ...]:
    if not bare:
        return ()
    shown = ", ".join(map(str, bare[:20])) + (" …" if len(bare) > 20 else "")
    return (f"Pages without a text layer, left out: {shown}",)
