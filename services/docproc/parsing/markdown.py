"""Markdown: the text as it is, with its headings found as CommonMark defines them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

from markdown_it import MarkdownIt

from services.docproc.parsing.charset import decode
from services.docproc.parsing.model import Extracted, Heading, Limits, Page
from services.docproc.parsing.writer import Writer, one_line


def read(path: Path, limits: Limits) -> Extracted:
    writer = Writer(limits)
    writer.block(decode(path.read_bytes()))
    writer.end_page(None)
    return Extracted(tuple(Page(None, page.text, tuple(_headings(page.text))) for page in writer.pages))


def _headings(text: str) -> Iterator[Heading]:
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    tokens = MarkdownIt("commonmark").disable("inline").parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.map and inline.content.strip():
            yield Heading(int(opening.tag[1]), one_line(inline.content), starts[opening.map[0]])
