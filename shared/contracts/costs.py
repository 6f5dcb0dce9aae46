"""What it took to make a document ready to query, by stage."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ParsingCost(BaseModel):
    """docproc's, of one document: what it read, and the CPU time of the process that did, and of the programs it ran.

    `pages` is None where the format has none; `bytes` are the original's.
    """

    model_config = ConfigDict(frozen=True)

    pages: int | None = Field(default=None, ge=0)
    bytes: int = Field(default=0, ge=0)
    cpu_seconds: float = Field(default=0.0, ge=0)


class EmbeddingCost(BaseModel):
    """embedding's, of one chunk or of all of a document. The costs of what was asked together add up to the whole.

    `tokens` that the model was given, none for the `cache_hits`: chunks whose vector was known. `rate_limited`: answers
    that there were too many requests or tokens (HTTP 429); `wait_seconds`: how long its requests waited for their turn.
    """

    model_config = ConfigDict(frozen=True)

    tokens: int = Field(default=0, ge=0)
    cache_hits: int = Field(default=0, ge=0)
    rate_limited: int = Field(default=0, ge=0)
    wait_seconds: float = Field(default=0.0, ge=0)

    def __add__(self, other: EmbeddingCost) -> EmbeddingCost:
        return EmbeddingCost(
            tokens=self.tokens + other.tokens,
            cache_hits=self.cache_hits + other.cache_hits,
            rate_limited=self.rate_limited + other.rate_limited,
            wait_seconds=self.wait_seconds + other.wait_seconds,
        )


class Bill(BaseModel):
    """Of one version of a document; a stage that hasn't said, or that an older release ran, is None."""

    model_config = ConfigDict(frozen=True)

    docproc: ParsingCost | None = None
    embedding: EmbeddingCost | None = None
