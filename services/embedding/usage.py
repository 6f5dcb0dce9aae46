"""What each chunk's vector cost: its share of the question to the model that it was part of."""

from __future__ import annotations

from collections.abc import Sequence

from services.embedding.embedder import Asked, Embedded
from shared.contracts.chunks import ChunkProcessed
from shared.contracts.costs import EmbeddingCost

_DIGITS = 6


def costs_of(chunks: Sequence[ChunkProcessed], embedded: Embedded) -> list[EmbeddingCost]:
    """One per chunk. A request's tokens are shared by the length of the texts, or are the chunks' own count where
    nobody counted them; its wait is shared evenly; refusals, which can't be halved, are its first chunk's."""
    costs = [EmbeddingCost(cache_hits=int(place in embedded.remembered)) for place in range(len(chunks))]
    for asked in embedded.asked:
        for number, (place, tokens) in enumerate(zip(asked.places, _tokens(chunks, asked), strict=True)):
            costs[place] += EmbeddingCost(
                tokens=tokens,
                rate_limited=0 if number else asked.refusals,
                wait_seconds=round(asked.waited / len(asked.places), _DIGITS),
            )
    return costs


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
