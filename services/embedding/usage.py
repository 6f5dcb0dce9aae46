"""What a document's vectors cost: its share of each question to the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.embedding.embedder import Asked, Embedded
from shared.contracts.chunks import ChunkProcessed


class DocumentVersion(NamedTuple):
    document_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one document version, in one batch or, added up, in several.

    `tokens` that the model was given; `requests` that had a chunk of the document, whoever shared them; `refusals` of
    these that there were too many, and `waited_seconds` in which they waited for their turn; `cache_hits`: chunks whose
    vector was known.
    """

    chunks: int = 0
    tokens: int = 0
    cache_hits: int = 0
    requests: int = 0
    refusals: int = 0
    waited_seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.chunks + other.chunks,
            self.tokens + other.tokens,
            self.cache_hits + other.cache_hits,
            self.requests + other.requests,
            self.refusals + other.refusals,
            self.waited_seconds + other.waited_seconds,
        )


def usage_of(chunks: Sequence[ChunkProcessed], embedded: Embedded) -> dict[DocumentVersion, Usage]:
    """By document version. A request's tokens are shared by the length of the texts; where nobody counted them, it is
    the chunks' own count."""
    found: defaultdict[DocumentVersion, Usage] = defaultdict(Usage)
    for place, chunk in enumerate(chunks):
        found[_whose(chunk)] += Usage(chunks=1, cache_hits=int(place in embedded.remembered))
    for asked in embedded.asked:
        shares = _tokens(chunks, asked)
        for place, tokens in zip(asked.places, shares, strict=True):
            found[_whose(chunks[place])] += Usage(tokens=tokens)
        for whose in {_whose(chunks[place]) for place in asked.places}:
            found[whose] += Usage(requests=1, refusals=asked.refusals, waited_seconds=asked.waited)
    return dict(found)


def _whose(chunk: ChunkProcessed) -> DocumentVersion:
    return DocumentVersion(chunk.document_id, chunk.version)


def _tokens(chunks: Sequence[ChunkProcessed], asked: Asked) -> list[int]:
    """One whole number per place; they add up to what was counted."""
    if asked.tokens is None:
        return [chunks[place].token_count or 0 for place in asked.places]
    sizes = [len(chunks[place].text.encode()) for place in asked.places]
    shares, done, given = [], 0, 0
    for size in sizes:
        done += size
        upto = asked.tokens * done // sum(sizes)
        shares.append(upto - given)
        given = upto
    return shares
