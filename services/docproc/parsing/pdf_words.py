"""Words that a hyphen divides at a line's end: joined, unless the hyphen belongs to the word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from services.docproc.parsing.pdf_paragraphs import Block
from services.docproc.parsing.pdf_tables import DIVISION

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_DIVIDED = re.compile(rf"([\w-]*){DIVISION}(\w*)")
_COMPOUNDING = frozenset(("all", "cross", "ex", "half", "high", "low", "long", "non", "self", "short", "vice", "well"))


def undivided(pages: Iterable[Sequence[Block]]) -> list[list[Block]]:
    """The pages with divided words as the rest of the document writes them; as one word where it doesn't."""
    known = list(pages)
    texts = [text for page in known for block in page for text in _texts(block)]
    if not any(DIVISION in text for text in texts):
        return [list(page) for page in known]
    words = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    return [[_mended(block, words) for block in page] for page in known]


def _texts(block: Block) -> Iterable[str]:
    return [block] if isinstance(block, str) else (cell for row in block for cell in row)


def _mended(block: Block, words: Counter[str]) -> Block:
    if isinstance(block, str):
        return _mend(block, words)
    return [[_mend(cell, words) for cell in row] for row in block]


def _mend(text: str, words: Counter[str]) -> str:
    return _DIVIDED.sub(lambda found: _word(found[1], found[2], words), text)


def _word(head: str, tail: str, words: Counter[str]) -> str:
    compound, whole = f"{head}-{tail}", f"{head}{tail}"
    if not head[-1:].isalpha() or not tail[:1].islower():
        return compound
    seen = words[whole.lower()] - words[compound.lower()]
    if seen:
        return whole if seen > 0 else compound
    return compound if "-" in head or head.lower() in _COMPOUNDING else whole
