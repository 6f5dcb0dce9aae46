"""Which texts go into one request: by their number and by an estimate of their tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BYTES_PER_TOKEN = 3.0
"""Of UTF-8, before anything is known; English has more of them."""
PLAUSIBLE = (0.5, 12.0)
"""Bytes per token; what a server counts beyond that are no tokens."""
LEARNED_FROM_EACH = 0.2
CERTAIN = 0.8
"""The part of a limit that an estimate may fill."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a server takes: inputs and tokens of a request, tokens of an input. OpenAI's, unless told otherwise."""

    inputs: int = 2_048
    tokens: int = 300_000
    input_tokens: int = 8_192


class TokenEstimate:
    """Tokens by the bytes of a text; how many bytes a token has is learned from what the server has counted."""

    def __init__(self) -> None:
        self._bytes_per_token = BYTES_PER_TOKEN

    def of(self, text: str) -> int:
        """As they are counted on average."""
        return _tokens(text, self._bytes_per_token)

    def at_most(self, text: str) -> int:
        """No less than any but the oddest text has."""
        return _tokens(text, min(BYTES_PER_TOKEN, self._bytes_per_token))

    def learn(self, texts: Sequence[str], tokens: int) -> None:
        """From a request that the server has counted."""
        counted = sum(len(text.encode()) for text in texts) / tokens if tokens > 0 else 0.0
        if PLAUSIBLE[0] <= counted <= PLAUSIBLE[1]:
            self._bytes_per_token += LEARNED_FROM_EACH * (counted - self._bytes_per_token)


def _tokens(text: str, bytes_per_token: float) -> int:
    return int(len(text.encode()) / bytes_per_token) + 1


def requests(
    texts: Sequence[str], estimate: TokenEstimate, limits: RequestLimits, tokens: float = math.inf
) -> Iterator[range]:
    """Places of texts that fit into a request, in their order; `tokens` where it should be smaller than it could be.

    A text that may be longer than an input can be goes alone: should the server refuse it, it refuses nothing else.
    """
    most = min(CERTAIN * limits.tokens, tokens)
    start, taken = 0, 0
    for place, text in enumerate(texts):
        size = estimate.at_most(text)
        alone = size > limits.input_tokens
        if place > start and (alone or place - start == limits.inputs or taken + size > most):
            yield range(start, place)
            start, taken = place, 0
        taken = taken + size if not alone else limits.tokens
    if start < len(texts):
        yield range(start, len(texts))
