"""From a document's text to chunks: the same text and options give the same chunks, wherever and whenever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from services.docproc.parsing.model import PAGE_SEPARATOR, Extracted, Heading, Page
from services.docproc.parsing.refusals import empty
from services.docproc.tokens import TokenCounter, embedding_tokenizer

CHUNKER_VERSION = 1
"""Raised whenever parsing or chunking gives other chunks for the same document and options."""

_TITLE_CHARS = 200


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

    `heading_path` names the headings above the chunk's first character, the outermost first, its own included.
    """

    index: int
    text: str
    page: int | None
    char_start: int
    char_end: int
    heading_path: tuple[str, ...]
    token_count: int


def chunk(extracted: Extracted, options: ChunkOptions) -> list[Chunk]:
    """Cuts each page by itself, at its headings, paragraphs and sentences as far as the size allows.

    Raises Permanent(empty) where there is nothing but white space.
    """
    count = _counter(options.tokenizer)
    path, chunks, page_start = _HeadingPath(), list[Chunk](), 0
    for page in extracted.pages:
        for start, text in _pieces(page, extracted.markdown, options):
            chunks.append(
                Chunk(
                    index=len(chunks),
                    text=text,
                    page=page.number,
                    char_start=page_start + start,
                    char_end=page_start + start + len(text),
                    heading_path=path.at(page, start),
                    token_count=count(text),
                )
            )
        path.leave(page)
        page_start += len(page.text) + len(PAGE_SEPARATOR)
    if not chunks:
        raise empty("document")
    return chunks


def _pieces(page: Page, markdown: bool, options: ChunkOptions) -> Iterator[tuple[int, str]]:
    splitter = _splitter(markdown, options.max_tokens, options.overlap_tokens, options.tokenizer)
    return ((start, text) for start, text in splitter.chunk_indices(page.text) if text.strip())


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


@lru_cache(maxsize=8)
def _splitter(markdown: bool, max_tokens: int, overlap: int, file: Path) -> MarkdownSplitter | TextSplitter:
    kind = MarkdownSplitter if markdown else TextSplitter
    return kind.from_callback(_counter(file).up_to(max_tokens), max_tokens, overlap=overlap)


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
