"""What a provider of embeddings must do, and what is checked of every vector before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import Code, Permanent, Transient

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """`model` names what made the vectors; those of different names can't be compared."""

    model: str

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in the order given: float32, finite, all of one length. Leaves the event loop free.

        Raises Transient when the provider is away or asks for patience, and Permanent(EMBEDDING_REJECTED) when it
        refuses a text; which of several it was is for the caller to find out, by asking with fewer.
        """


def checked(vectors: Vectors, texts: int, model: str, dimensions: int | None = None) -> Vectors:
    """Raises Transient unless there is one vector per text, of `dimensions` where they are known.

    A number that is not finite is a text's doing: Permanent(EMBEDDING_REJECTED).
    """
    if vectors.ndim != 2 or len(vectors) != texts:
        raise Transient(f"embedding model `{model}` gave {len(vectors)} vectors for {texts} texts")
    if dimensions is not None and vectors.shape[1] != dimensions:
        raise Transient(f"embedding model `{model}` gave {vectors.shape[1]} dimensions instead of {dimensions}")
    if not np.isfinite(vectors).all():
        raise Permanent(Code.EMBEDDING_REJECTED, f"embedding model `{model}` gives no finite vector for the text")
    return vectors
