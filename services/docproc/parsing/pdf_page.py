"""One page of a PDF as paragraphs and tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing.pdf_boxes import Box, turned
from services.docproc.parsing.pdf_grids import grids
from services.docproc.parsing.pdf_lines import PageText, Piece
from services.docproc.parsing.pdf_notes import Notes, notes, placed
from services.docproc.parsing.pdf_order import in_order
from services.docproc.parsing.pdf_paragraphs import Block, blocks
from services.docproc.parsing.pdf_rules import rules
from services.docproc.parsing.pdf_tables import DIVISION, with_tables
from services.docproc.parsing.pdf_vertical import text_page

_MOST_CHARACTERS = 100_000
"""A page with more is taken as it stands in the file."""
_LETTERS = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\ufffe": DIVISION}
    | {"\x0b": "ff", "\x0c": "fi", "\r": "fl", "\x0e": "ffi", "\x0f": "ffl"}
)
"""Ligatures as their letters, also where a font of TeX has them and doesn't say so."""


@dataclass(slots=True)
class Shown:
    """What a page shows. `letters` is its text layer alone; `notes` what people have put onto it."""

    letters: str
    notes: Notes
    blocks: list[Block] = field(default_factory=list)


def shown(page: pdfium.PdfPage) -> Shown:
    with closing(text_page(page)) as textpage:
        text = PageText(textpage)
        found = Shown(text.text.replace("\r\n", "\n").translate(_LETTERS), notes(page, text.turn))
        if len(text.text) > _MOST_CHARACTERS:
            found.blocks = [found.letters.replace(DIVISION, "-"), *(piece.text for piece in found.notes.fields)]
        elif text.text.strip() or found.notes.fields:
            found.blocks = _blocks(page, text, found.notes.fields)
    known = _plain(found.letters)
    found.blocks += (comment for comment in found.notes.comments if _plain(comment) not in known)
    return found


def _blocks(page: pdfium.PdfPage, text: PageText, fields: Sequence[Piece]) -> list[Block]:
    pieces = placed(text.pieces(_seen(page, text.turn)), fields)
    items = with_tables(text, pieces, grids(rules(page, text.turn))) if _may_be_tabular(pieces) else pieces
    return [_spelt(block) for block in blocks(in_order(items))]


def _seen(page: pdfium.PdfPage, turn: int) -> Box:
    """The page's edges; everything where it has none."""
    left, bottom, right, top = page.get_bbox()
    everything = (-math.inf, -math.inf, math.inf, math.inf)
    return turned((left, bottom, right, top) if left < right and bottom < top else everything, turn)


def _may_be_tabular(pieces: Sequence[Piece]) -> bool:
    """Whether at least two lines have pieces beside each other, since looking for rules takes its time."""
    beside = Counter(round(piece.base) for piece in pieces)
    return sum(count > 1 for count in beside.values()) > 1


def _spelt(block: Block) -> Block:
    """Ligatures as their letters."""
    if isinstance(block, str):
        return block.translate(_LETTERS)
    return [[cell.translate(_LETTERS) for cell in row] for row in block]


def flattened(document: pdfium.PdfDocument, index: int, known: str) -> Iterator[str]:
    """Lines that only the pictures of its notes and fields show. The page is another one afterwards."""
    with closing(document[index]) as page:
        raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
    with closing(document[index]) as page, closing(page.get_textpage()) as textpage:
        lines = str(textpage.get_text_range()).replace("\r\n", "\n").translate(_LETTERS).splitlines()
    known = _plain(known)
    return (line for line in lines if line.strip() and _plain(line) not in known)


def _plain(text: str) -> str:
    return " ".join(text.replace(DIVISION, "-").split())
