"""An embedder that asks another one only for texts that it doesn't know."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.embedding.cache import VectorCache
from services.embedding.embedder import Asked, Embedded, Embedder, Keep, Vectors, keep_nothing

FLOAT_BYTES = 4
Known = dict[bytes, bytes]


class Remembering:
    """Implements `Embedder`. A text that is in a batch twice is asked for once."""

    def __init__(self, inner: Embedder, cache: VectorCache, source: str, dimensions: int | None = None) -> None:
        """`source` names the server, since two may give a model the same name; `dimensions` are those that are asked
        for, None: the model's own."""
        self._inner = inner
        self._cache = cache
        self._maker = f"{source}\n{inner.model}\n{dimensions or ''}\n".encode()
        self._vector_bytes = dimensions and FLOAT_BYTES * dimensions
        self.model = inner.model

    async def embed(self, texts: Sequence[str], keep: Keep = keep_nothing) -> Embedded:
        keys = [hashlib.sha256(self._maker + text.encode()).digest() for text in texts]
        places: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, place)
        known = await self._known(list(places))
        asked = await self._ask(texts, keys, [place for key, place in places.items() if key not in known], known, keep)
        if stale := [place for key, place in places.items() if len(known[key]) != self._vector_bytes]:
            asked += await self._ask(texts, keys, stale, known, keep)
        rows = np.frombuffer(b"".join(known[key] for key in keys), dtype="<f4").reshape(len(keys), -1)
        fresh = {place for one in asked for place in one.places}
        return Embedded(rows, asked, frozenset(range(len(texts))) - fresh)

    async def _known(self, keys: Sequence[bytes]) -> Known:
        """Of one length: the model's, where it is known, else whichever all of them have."""
        found = dict(await self._cache.find(keys))
        lengths = {len(vector) for vector in found.values()}
        if self._vector_bytes is None and len(lengths) == 1:
            self._vector_bytes = next(iter(lengths))
        return {key: vector for key, vector in found.items() if len(vector) == self._vector_bytes}

    async def _ask(
        self, texts: Sequence[str], keys: Sequence[bytes], places: Sequence[int], known: Known, keep: Keep
    ) -> list[Asked]:
        """Adds to `known`. A model that gives vectors of another length than before makes what was known stale."""
        if not places:
            return []

        async def keep_these(parts: Sequence[int], vectors: Vectors) -> None:
            await self._cache.put({keys[places[part]]: _packed(vectors[row]) for row, part in enumerate(parts)})
            await keep([places[part] for part in parts], vectors)

        embedded = await self._inner.embed([texts[place] for place in places], keep_these)
        known.update({keys[place]: _packed(embedded.vectors[row]) for row, place in enumerate(places)})
        self._vector_bytes = FLOAT_BYTES * embedded.vectors.shape[1]
        return [replace(one, places=[places[part] for part in one.places]) for one in embedded.asked]


def _packed(vector: Vectors) -> bytes:
    return vector.astype("<f4").tobytes()
