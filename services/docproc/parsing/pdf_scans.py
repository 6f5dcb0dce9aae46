"""Pages that are pictures of text: which they are, what is read on them, and what is said of those that are not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ctypes import c_float

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing import refusals
from services.docproc.parsing.pdf_paragraphs import Block
from services.docproc.parsing.pdf_tables import DIVISION
from services.docproc.parsing.tesseract import CannotRead, OutOfTime, Tesseract

_FEW_LETTERS = 50
_COVERS = 0.8
_NAMELESS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
_MOST_OBJECTS = 200
_NAMED = 20
_BROKEN = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")


def is_scan(page: pdfium.PdfPage, text: str, annotated: bool) -> bool:
    """Whether what it shows isn't in its text: a picture as large as the page, or letters in a font without names.

    `annotated` tells that a page without anything of its own shows something all the same.
    """
    letters = "".join(text.split())
    if not letters:
        return annotated or bool(raw.FPDFPage_CountObjects(page) > 0)
    if _is_nameless(letters):
        return True
    return len(letters) < _FEW_LETTERS and _pictured(page) >= _COVERS


def _pictured(page: pdfium.PdfPage) -> float:
    """The share of the page that its pictures cover."""
    left, bottom, right, top = page.get_bbox()
    covered = 0.0
    for index in range(min(raw.FPDFPage_CountObjects(page), _MOST_OBJECTS)):
        item = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(item) == raw.FPDF_PAGEOBJ_IMAGE:
            edges = [c_float() for _ in range(4)]
            raw.FPDFPageObj_GetBounds(item, *edges)
            x, y, far_x, far_y = (edge.value for edge in edges)
            covered += max(min(far_x, right) - max(x, left), 0) * max(min(far_y, top) - max(y, bottom), 0)
    return float(covered / max((right - left) * (top - bottom), 1.0))


class Scans:
    """The scans of one document. `seconds` are for reading all of them."""

    def __init__(self, languages: str, seconds: float) -> None:
        self._tesseract = Tesseract.found(languages, seconds)
        self._unread: list[int] = []
        self._late: list[int] = []
        self._trouble = "Tesseract is not installed"

    def read(self, page: pdfium.PdfPage, number: int, layer: Sequence[Block]) -> list[Block]:
        """What the page shows: `layer`, its own text, where nothing can read it."""
        if self._tesseract is None:
            self._unread.append(number)
            return list(layer)
        try:
            seen = self._tesseract.read(page)
        except OutOfTime:
            self._late.append(number)
            return list(layer)
        except CannotRead as error:
            self._trouble = f"Tesseract failed: {error}"
            self._unread.append(number)
            return list(layer)
        return [_BROKEN.sub(DIVISION, seen.strip()), *(block for block in layer if not _is_known(block, seen))]

    def check(self, pages: int, *, with_text: bool) -> None:
        """Raises Permanent where what wasn't read is the document, rather than a part of it that a warning names."""
        if len(self._late) * 2 > pages or (self._late and not with_text):
            raise refusals.ocr_timed_out(len(self._late), pages)
        if self._unread and not with_text:
            raise refusals.needs_ocr(pages, self._trouble)

    def warnings(self) -> list[str]:
        warnings = []
        if self._unread:
            warnings.append(f"Scans not read, since {self._trouble}: pages {_listed(self._unread)}")
        if self._late:
            warnings.append(f"Scans not read for want of time: pages {_listed(self._late)}")
        return warnings


def _is_known(block: Block, seen: str) -> bool:
    """Whether a part of the text layer adds nothing to what was seen on the page."""
    if not isinstance(block, str):
        return False
    return " ".join(block.split()) in " ".join(seen.split()) or _is_nameless("".join(block.split()))


def _is_nameless(letters: str) -> bool:
    return len(_NAMELESS.findall(letters)) * 2 > len(letters)


def _listed(pages: Sequence[int]) -> str:
    return ", ".join(map(str, pages[:_NAMED])) + (" …" if len(pages) > _NAMED else "")
