"""From a document's text to chunks: the same text and options give the same chunks, wherever and whenever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from semantic_text_splitter import TextSplitter

from services.docproc.dividing import Pieces
from services.docproc.packing import Packer, Size
from services.docproc.parsing.model import PAGE_SEPARATOR, Extracted, Heading, Page
from services.docproc.parsing.refusals import empty
from services.docproc.tokens import LONGEST_TOKEN, TokenCounter, embedding_tokenizer
from services.docproc.units import units
from shared.contracts.kinds import Kind

CHUNKER_VERSION = 5
"""Raised whenever parsing or chunking gives other chunks for the same document and options."""

_TITLE_CHARS = 200
_WINDOW = 4 * LONGEST_TOKEN
"""Characters for each token of a chunk. The splitter is given so much at once, since it reads it all for each piece."""


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """How documents are cut. Sizes are in tokens of the tokenizer in `tokenizer_file`."""

    max_tokens: int = 256
    overlap_tokens: int = 0
    tokenizer_file: Path | None = None
    """None stands for the tokenizer of the default embedding model."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1 or not 0 <= self.overlap_tokens < self.max_tokens:
            raise ValueError(f"An overlap of {self.overlap_tokens} tokens doesn't fit chunks of {self.max_tokens}")

    @property
    def tokenizer(self) -> Path:
        return self.tokenizer_file or embedding_tokenizer()

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with everything that changes the chunks, the path of the tokenizer aside."""
        return _fingerprint(self.max_tokens, self.overlap_tokens, self.tokenizer)


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `extracted.text[char_start:char_end]`, never blank, from one page; `index` counts from 0.

    A chunk that begins with a later row of a table has the table's head in front of it: `text` is longer then than the
    range, and ends with it. `heading_path` names the headings above the first character of the range, the outermost
    first, its own included.
    """

    index: int
    text: str
    page: int | None
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    kind: Kind
    token_count: int


def chunk(extracted: Extracted, options: ChunkOptions) -> list[Chunk]:
    """Cuts each page by itself: at its headings, between its blocks, and within those that are too large.

    Raises Permanent(empty) where there is nothing but white space.
    """
    path, chunks, page_start = _HeadingPath(), list[Chunk](), 0
    for page in extracted.pages:
        for packed in _packed(page, extracted.markdown, options):
            header = f"{packed.header}\n" if packed.header else ""
            chunks.append(
                Chunk(
                    index=len(chunks),
                    text=header + page.text[packed.start : packed.end],
                    page=page.number,
                    char_start=page_start + packed.start,
                    char_end=page_start + packed.end,
                    heading_path=path.at(page, packed.start),
                    kind=packed.kind,
                    token_count=packed.tokens,
                )
            )
        path.leave(page)
        page_start += len(page.text) + len(PAGE_SEPARATOR)
    if not chunks:
        raise empty("document")
    return chunks


def _packed(page: Page, markdown: bool, options: ChunkOptions) -> Packer:
    count = _counter(options.tokenizer)
    size = Size(count, options.max_tokens, options.overlap_tokens, count("a\n\nb") - count("a\nb"))
    return Packer(page.text, units(page, markdown=markdown), size, _pieces(options))


def _pieces(options: ChunkOptions) -> Pieces:
    """Of words that are too long, and of scripts without spaces: at the borders of words and graphemes by Unicode."""
    whole = options.max_tokens - options.overlap_tokens

    def pieces(text: str, room: int) -> Iterator[tuple[int, int]]:
        start, size = 0, min(room, whole)
        while start < len(text):
            window = text[start : start + _WINDOW * size]
            found = list(_cut(window, size, options.tokenizer))
            if size < whole:
                found = found[:1]
            elif start + len(window) < len(text) and len(found) > 1:
                found.pop()  # it ends where the window does
            yield from ((start + first, start + last) for first, last in found)
            start, size = start + found[-1][1], whole

    return pieces


def _cut(text: str, room: int, tokenizer: Path) -> Iterator[tuple[int, int]]:
    """The splitter takes it that more text has more tokens. It isn't always so: now and then a piece is too large."""
    for start, piece in _splitter(room, tokenizer).chunk_indices(text):
        excess = _counter(tokenizer)(piece) - room
        if 0 < excess < room:
            yield from ((start + first, start + last) for first, last in _cut(piece, room - excess, tokenizer))
        else:
            yield start, start + len(piece)


class _HeadingPath:
    """Follows the headings through the pages; positions must be asked for in rising order."""

    def __init__(self) -> None:
        self._open: list[Heading] = []
        self._passed = 0

    def at(self, page: Page, start: int) -> tuple[str, ...]:
        while self._passed < len(page.headings) and page.headings[self._passed].start <= start:
            self._enter(page.headings[self._passed])
            self._passed += 1
        return tuple(heading.title[:_TITLE_CHARS] for heading in self._open)

    def leave(self, page: Page) -> None:
        self.at(page, len(page.text))
        self._passed = 0

    def _enter(self, heading: Heading) -> None:
        while self._open and self._open[-1].level >= heading.level:
            self._open.pop()
        self._open.append(heading)


@lru_cache(maxsize=4)
def _counter(file: Path) -> TokenCounter:
    return TokenCounter(file)


@lru_cache(maxsize=512)
def _splitter(max_tokens: int, file: Path) -> TextSplitter:
    return TextSplitter.from_callback(_counter(file).up_to(max_tokens), max_tokens)


@lru_cache(maxsize=8)
def _fingerprint(max_tokens: int, overlap: int, file: Path) -> str:
    parts = {
        "chunker": CHUNKER_VERSION,
        "splitter": version("semantic-text-splitter"),
        "max_tokens": max_tokens,
        "overlap_tokens": overlap,
        "tokenizer": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
