"""Text that runs down, its columns from the right to the left, as in Japanese and Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import byref, c_float
from itertools import pairwise

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing.pdf_boxes import Box

DOWNWARDS = 3
"""Quarter turns, against the clock, from a line that runs to the right."""
_LOWER, _ASIDE = 0.25, 0.25
"""Of the upper character's height, and of the narrower one's width."""
_FIRST_WIDE = "\u2e80"
_BEGINNING = 200
"""Characters that show whether there may be vertical text on a page. One with fewer may have lost some."""
_NOTHING = 0.01
"""Points. What pdfium takes to be no width: `kSizeEpsilon` in `core/fpdftext/cpdf_textpage.cpp`."""
_MOST_OBJECTS = 20_000
"""Of a page, those in its forms too; the rest stays as it is."""


def below(one: Box, other: Box) -> bool:
    """Whether the second of two characters stands under the first, in the same column."""
    if one.top - other.top <= _LOWER * (one.top - one.bottom):
        return False
    width = min(one.right - one.left, other.right - other.left)
    aside = abs(one.left + one.right - other.left - other.right) / 2
    within = min(one.right, other.right) - max(one.left, other.left)
    # a full stop or a comma may take up no more than the right half of its column
    return aside < _ASIDE * width or within > (1 - _ASIDE) * width


def runs(letters: Sequence[tuple[str, Box]]) -> list[tuple[int, int, int]]:
    """What stands together among these characters, white space aside: where each column, and what isn't vertical,
    starts and ends, and its quarter turns."""
    shown = [at for at, (letter, _) in enumerate(letters) if not letter.isspace()]
    links = [below(letters[one][1], letters[other][1]) for one, other in pairwise(shown)]
    found: list[tuple[int, int, int]] = []
    for at, above, under in zip(shown, [False, *links], [*links, False], strict=True):
        turn = DOWNWARDS if above or under else 0
        if found and (above or turn == found[-1][2] == 0):
            found[-1] = (found[-1][0], at + 1, turn)
        else:
            found.append((at, at + 1, turn))
    return found


def text_page(page: pdfium.PdfPage) -> pdfium.PdfTextPage:
    """To be closed by the caller. Has vertical text in it whose font is neither in the file nor on this machine.

    pdfium knows its characters all the same, by the font's character collection; but it leaves out of a page's text
    what has no width on the page, and a column of glyphs without outlines has none. So it is given one, of a hair.
    """
    found = page.get_textpage()
    if found.count_chars() >= _BEGINNING and not may_be_vertical(str(found.get_text_range(0, _BEGINNING))):
        return found
    found.close()
    for text in _texts(page):
        _slant(text)
    return page.get_textpage()


def may_be_vertical(text: str) -> bool:
    """Whether there is a letter in it of a script that is written downwards: Chinese, Japanese, Korean."""
    return any(letter >= _FIRST_WIDE for letter in text)


def _texts(page: pdfium.PdfPage) -> Iterator[raw.FPDF_PAGEOBJECT]:
    waiting = [raw.FPDFPage_GetObject(page, index) for index in range(_few(raw.FPDFPage_CountObjects(page), 0))]
    for _ in range(_MOST_OBJECTS):
        if not waiting:
            return
        item = waiting.pop()
        kind = raw.FPDFPageObj_GetType(item)
        if kind == raw.FPDF_PAGEOBJ_TEXT:
            yield item
        elif kind == raw.FPDF_PAGEOBJ_FORM:
            count = _few(raw.FPDFFormObj_CountObjects(item), len(waiting))
            waiting += [raw.FPDFFormObj_GetObject(item, index) for index in range(count)]


def _few(count: int, waiting: int) -> int:
    return max(0, min(count, _MOST_OBJECTS - waiting))


def _slant(text: raw.FPDF_PAGEOBJECT) -> None:
    """Its top goes to the right by twice that nothing; its foot stays."""
    left, bottom, right, top = c_float(), c_float(), c_float(), c_float()
    raw.FPDFPageObj_GetBounds(text, byref(left), byref(bottom), byref(right), byref(top))
    height = top.value - bottom.value
    if right.value - left.value < _NOTHING < height:
        slant = 2 * _NOTHING / height
        raw.FPDFPageObj_Transform(text, 1, 0, slant, 1, -slant * bottom.value, 0)
