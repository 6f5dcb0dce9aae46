"""The headings of a PDF: text has none, but many documents carry an outline of bookmarks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pypdfium2 as pdfium

from services.docproc.parsing.model import Heading, Page
from services.docproc.parsing.writer import one_line

_DEPTH = 6
_MOST = 5_000


def with_headings(document: pdfium.PdfDocument, pages: list[Page]) -> tuple[Page, ...]:
    """The pages with the outline's entries as headings: where the title stands on the page, else at the page's top."""
    by_page: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for number, level, title in _entries(document):
        by_page[number].append((level, title))
    return tuple(replace(page, headings=tuple(_placed(page.text, by_page.get(page.number or 0, [])))) for page in pages)


def _entries(document: pdfium.PdfDocument) -> Iterator[tuple[int, int, str]]:
    for bookmark in islice(document.get_toc(max_depth=_DEPTH), _MOST):
        target = bookmark.get_dest()
        index = target.get_index() if target is not None else None
        title = one_line(bookmark.get_title())
        if index is not None and title:
            yield index + 1, bookmark.level + 1, title


def _placed(text: str, entries: list[tuple[int, str]]) -> Iterator[Heading]:
    """In the order of the outline; a title is looked for behind the one before, since pages repeat words."""
    start = 0
    for level, title in entries:
        start = max(text.find(title, start), start)
        yield Heading(level, title, start)
