"""What a provider of embeddings must do, and what is checked of every vector before it is published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import Code, Permanent, Transient

Vectors = NDArray[np.float32]
Keep = Callable[[Sequence[int], Vectors], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a model, about the texts at `places`: answered, or given up for smaller ones (of no tokens).

    `tokens` as the provider counts them, None where it doesn't; `refusals` are answers that there were too many
    requests or tokens, `waited` the seconds that the question waited for its turn.
    """

    places: Sequence[int]
    tokens: int | None = None
    refusals: int = 0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Embedded:
    """One row per text, in their order; what was asked for them; the places of those that nobody was asked for."""

    vectors: Vectors
    asked: Sequence[Asked] = ()
    remembered: frozenset[int] = frozenset()


async def keep_nothing(_places: Sequence[int], _vectors: Vectors) -> None:
    """For callers that want all or nothing."""


class Embedder(Protocol):
    """`model` names what made the vectors; those of different names can't be compared."""

    model: str

    async def embed(self, texts: Sequence[str], keep: Keep = keep_nothing) -> Embedded:
        """One row per text, in the order given: float32, finite, all of one length. Leaves the event loop free.

        `keep` is given the vectors of some places as soon as they are there, also where others fail afterwards.

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
