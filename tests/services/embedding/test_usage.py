from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest

from services.embedding.embedder import Asked, Embedded
from services.embedding.usage import costs_of
from shared.contracts.costs import EmbeddingCost
from tests.services.embedding.samples import chunk

VECTORS = np.ones((5, 2), dtype="<f4")


def test_each_chunk_has_its_share() -> None:
    """Tokens by the length of the texts, to the last one; waits evenly; refusals whole; a known one costs nothing."""
    chunks = [chunk(index, 5, text=text) for index, text in enumerate(["aaaa", "bb", "cc", "known", "d"])]
    asked = [Asked([0, 1, 2], 11, 2, 1.5), Asked([4], 3)]
    assert costs_of(chunks, Embedded(VECTORS, asked, frozenset({3}))) == [
        EmbeddingCost(tokens=5, rate_limited=2, wait_seconds=0.5),
        EmbeddingCost(tokens=3, wait_seconds=0.5),
        EmbeddingCost(tokens=3, wait_seconds=0.5),
        EmbeddingCost(cache_hits=1),
        EmbeddingCost(tokens=3),
    ]


def test_the_shares_of_a_divided_request_add_up() -> None:
    """A request that was refused, then divided, costs its refusals and waits once, and the tokens of its parts."""
    chunks = [chunk(index, 2, text="text") for index in range(2)]
    costs = costs_of(chunks, Embedded(VECTORS[:2], [Asked([0, 1], 0, 3, 2.0), Asked([0], 4), Asked([1], 5, 0, 1.0)]))
    assert reduce(add, costs) == EmbeddingCost(tokens=9, rate_limited=3, wait_seconds=3.0)


@pytest.mark.parametrize(("counted", "tokens"), [(40, 40), (None, 0)])
def test_uncounted_tokens_are_the_chunks_own(counted: int | None, tokens: int) -> None:
    """A model that doesn't count was given what the chunker counted, if it did."""
    chunks = [chunk().model_copy(update={"token_count": counted})]
    assert costs_of(chunks, Embedded(VECTORS[:1], [Asked([0])])) == [EmbeddingCost(tokens=tokens)]
