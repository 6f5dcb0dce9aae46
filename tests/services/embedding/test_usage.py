from __future__ import annotations

import numpy as np

from services.embedding.embedder import Asked, Embedded
from services.embedding.usage import DocumentVersion, Usage, usage_of
from tests.services.embedding.samples import chunk

VECTORS = np.ones((5, 2), dtype="<f4")


def test_each_document_has_its_share() -> None:
    """Tokens by the length of the texts, to the last one; requests and their waits for whoever had a chunk in them."""
    texts = {("d1", 0): "aaaa", ("d2", 0): "bb", ("d1", 1): "cc", ("d2", 1): "known", ("d1", 2): "d"}
    chunks = [chunk(index, 9, document=document, text=text) for (document, index), text in texts.items()]
    asked = [Asked([0, 1, 2], 11, 2, 1.5), Asked([4], 3)]
    found = usage_of(chunks, Embedded(VECTORS, asked, frozenset({3})))
    assert found == {
        DocumentVersion("d1", 7): Usage(chunks=3, tokens=5 + 3 + 3, requests=2, refusals=2, waited_seconds=1.5),
        DocumentVersion("d2", 7): Usage(chunks=2, tokens=3, cache_hits=1, requests=1, refusals=2, waited_seconds=1.5),
    }
    assert sum(one.tokens for one in found.values()) == 14


def test_uncounted_tokens_are_the_chunks_own() -> None:
    """A model that doesn't count was given what the chunker counted."""
    chunks = [chunk(0, 2).model_copy(update={"token_count": 40}), chunk(1, 2)]
    assert usage_of(chunks, Embedded(VECTORS[:2], [Asked(range(2))])) == {
        DocumentVersion("d1", 7): Usage(chunks=2, tokens=40, requests=1)
    }


def test_usages_add_up() -> None:
    """What a document cost in several batches is the sum of every number."""
    one = Usage(1, 2, 3, 4, 5, 0.5)
    assert one + one == Usage(2, 4, 6, 8, 10, 1.0)
