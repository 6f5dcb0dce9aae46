"""Vectors without a network: wordllama, whose weights come with its wheel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import wordllama
from wordllama import WordLlama

from services.embedding.embedder import Asked, Embedded, Keep, Vectors, checked, keep_nothing
from shared.errors import Code, Permanent

DIMENSIONS = 256
PADDED_CHARACTERS = 16 * 1024


class WordLlamaEmbedder:
    """Unit vectors of 256 dimensions. Implements `Embedder`; the work is done in threads, mostly outside the GIL."""

    model = "wordllama-l2-supercat-256"

    def __init__(self) -> None:
        """Reads 16 MB of weights from the wheel; downloads nothing."""
        self._model = WordLlama.load(cache_dir=Path(wordllama.__file__).parent, dim=DIMENSIONS, disable_download=True)

    async def embed(self, texts: Sequence[str], keep: Keep = keep_nothing) -> Embedded:
        vectors, places = await asyncio.to_thread(self._embed, texts), range(len(texts))
        await keep(places, vectors)
        return Embedded(vectors, [Asked(places)])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), DIMENSIONS), dtype="<f4")
        for places in _groups(texts):
            vectors[places] = self._model.embed([texts[place] for place in places], batch_size=len(places))
        return checked(self._normalised(vectors), len(texts), self.model, DIMENSIONS)

    def _normalised(self, vectors: Vectors) -> Vectors:
        """A text without any token has no direction: it can't be searched for, whoever embeds it."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (lengths > 0).all():
            raise Permanent(Code.EMBEDDING_REJECTED, "the text has no token that the model knows")
        unit: Vectors = (vectors / lengths).astype("<f4")
        return unit


def _groups(texts: Sequence[str]) -> Iterator[list[int]]:
    """Places of texts of similar length: the model pads all of a call to the longest and holds 1 kB per token.

    Calls whose tokens fit into the processor's cache are several times faster than large ones.
    """
    group: list[int] = []
    for place in sorted(range(len(texts)), key=lambda place: len(texts[place])):
        if group and (len(group) + 1) * len(texts[place]) > PADDED_CHARACTERS:
            yield group
            group = []
        group.append(place)
    if group:
        yield group
