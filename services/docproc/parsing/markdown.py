"""Markdown: the text as it is, with its headings found as CommonMark defines them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from services.docproc.parsing.charset import decode
from services.docproc.parsing.model import Extracted, Heading, Limits, Page, Span
from services.docproc.parsing.writer import Writer, one_line
from shared.contracts.kinds import Kind

_CODE = frozenset({"fence", "code_block"})


def read(path: Path, limits: Limits) -> Extracted:
    return written(decode(path.read_bytes()), limits)


def written(text: str, limits: Limits) -> Extracted:
    """A document of this Markdown."""
    writer = Writer(limits)
    writer.block(text)
    writer.end_page(None)
    return Extracted(tuple(map(_with_structure, writer.pages)))


def _with_structure(page: Page) -> Page:
    starts = [0, *accumulate(len(line) + 1 for line in page.text.split("\n"))]
    tokens = MarkdownIt("commonmark").disable("inline").parse(page.text)
    code = (token.map for token in tokens if token.type in _CODE and token.map)
    spans = tuple(Span(starts[first], min(starts[end], len(page.text)), Kind.CODE) for first, end in code)
    return Page(page.number, page.text, tuple(_headings(tokens, starts)), spans)


def _headings(tokens: list[Token], starts: list[int]) -> Iterator[Heading]:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.map and inline.content.strip():
            yield Heading(int(opening.tag[1]), one_line(inline.content), starts[opening.map[0]])
