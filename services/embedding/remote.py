"""Vectors from OpenAI's API, or from any server that speaks it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openai import AsyncOpenAI, Omit, omit
from pydantic import BaseModel, ValidationError

from services.embedding.allowance import Headers
from services.embedding.batching import RequestLimits, TokenEstimate, requests
from services.embedding.embedder import Asked, Embedded, Keep, Vectors, checked, keep_nothing
from services.embedding.remote_errors import TooLarge, TooMany, map_openai_errors
from services.embedding.throttle import Divide, Throttle, Turn
from shared.contracts.chunks import Vector
from shared.errors import CauceError, Code, Permanent, Transient
from shared.runtime import metrics

PATIENCE = 30.0
"""Seconds for which a server may refuse before it counts as an outage."""
AT_ONCE = 32
HALF = 0.5


class _Item(BaseModel):
    index: int
    embedding: Vector


class _Reply(BaseModel):
    data: list[_Item]
    usage: Any = None


@dataclass(frozen=True, slots=True)
class _Answer:
    vectors: Vectors
    tokens: int | None
    headers: Headers


class OpenAIEmbedder:
    """Implements `Embedder`. A server that asks for patience is waited for here, for a while; whatever else goes wrong
    is retried by the consume loop alone, which knows when to stop."""

    def __init__(
        self,
        client: AsyncOpenAI,
        model: str,
        dimensions: int | None = None,
        *,
        deadline: float | None = None,
        limits: RequestLimits | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        """`client` must have `max_retries=0` and a timeout of seconds, which it counts anew with each piece of a reply;
        `deadline`, in seconds, is for a whole request. `dimensions` None: the model's own."""
        self._client = client
        self._dimensions = dimensions
        self._deadline = deadline
        self._limits = limits or RequestLimits()
        self._throttle = throttle or Throttle(AT_ONCE, patience=PATIENCE)
        self._estimate = TokenEstimate()
        self.model = model

    async def embed(self, texts: Sequence[str], keep: Keep = keep_nothing) -> Embedded:
        if not all(text.strip() for text in texts):
            raise Permanent(Code.EMBEDDING_REJECTED, "the text is empty, which the API refuses")
        work = _Work(texts, keep)
        await self._all(work, range(len(texts)))
        if len({vector.shape for vector in work.rows.values()}) > 1:
            raise Transient(f"embedding model `{self.model}` gave vectors of different dimensions")
        return Embedded(np.stack([work.rows[place] for place in range(len(texts))]), work.asked)

    async def _all(self, work: _Work, places: Sequence[int], tokens: float = math.inf) -> None:
        """In requests side by side. All of them end before an error is raised, so that what was paid for is kept."""
        texts = [work.texts[place] for place in places]
        most = min(tokens, self._throttle.request_tokens())
        parts = requests(texts, self._estimate, self._limits, most)
        jobs = [self._part(work, [places[place] for place in part]) for part in parts]
        errors = [error for error in await asyncio.gather(*jobs, return_exceptions=True) if error is not None]
        if errors:
            raise next((error for error in errors if not isinstance(error, CauceError)), errors[0])

    async def _part(self, work: _Work, places: Sequence[int]) -> None:
        """One request, again while the server asks for patience, in smaller ones where it is too large."""
        texts = [work.texts[place] for place in places]
        size = sum(map(self._estimate.of, texts))
        refusals, waited = 0, 0.0
        try:
            while True:
                async with self._throttle.turn(size, divisible=len(places) > 1) as turn:
                    waited += turn.waited
                    answer = await self._ask(turn, texts)
                if answer is not None:
                    break
                refusals += 1
        except TooLarge:
            if len(places) == 1:
                raise
        except Divide:
            if refusals:
                work.asked.append(Asked(places, 0, refusals, waited))
        else:
            return await work.done(Asked(places, answer.tokens, refusals, waited), answer.vectors)
        return await self._all(work, places, HALF * sum(map(self._estimate.at_most, texts)))

    async def _ask(self, turn: Turn, texts: Sequence[str]) -> _Answer | None:
        """None where the server asks for patience, and there is some."""
        try:
            answer = await self._answer(texts)
        except TooMany as error:
            metrics.EMBEDDING_REFUSALS.inc()
            if turn.refused(error.headers) is not None:
                raise
            return None
        turn.accepted(answer.headers)
        if answer.tokens is not None:
            self._estimate.learn(texts, answer.tokens)
        return answer

    async def _answer(self, texts: Sequence[str]) -> _Answer:
        try:
            async with asyncio.timeout(self._deadline):
                with map_openai_errors():
                    raw = await self._client.embeddings.with_raw_response.create(
                        input=list(texts), model=self.model, dimensions=self._asked_for(), encoding_format="base64"
                    )
        except TimeoutError as error:
            raise Transient(f"the embedding API's reply takes longer than {self._deadline:g} s") from error
        reply = _read(raw.content, self.model)
        vectors = checked(_vectors(reply, len(texts), self.model), len(texts), self.model, self._dimensions)
        return _Answer(vectors, _counted(reply.usage), raw.headers)

    def _asked_for(self) -> int | Omit:
        return omit if self._dimensions is None else self._dimensions


class _Work:
    """What has come of one call so far, by place."""

    def __init__(self, texts: Sequence[str], keep: Keep) -> None:
        self.texts = texts
        self.rows: dict[int, NDArray[np.float32]] = {}
        self.asked: list[Asked] = []
        self._keep = keep

    async def done(self, asked: Asked, vectors: Vectors) -> None:
        self.asked.append(asked)
        self.rows.update(zip(asked.places, vectors, strict=True))
        await self._keep(asked.places, vectors)


def _read(body: bytes, model: str) -> _Reply:
    try:
        return _Reply.model_validate_json(body)
    except ValidationError as error:
        raise Transient(f"embedding model `{model}`: the reply can't be read: {_first(error)}") from error


def _vectors(reply: _Reply, count: int, model: str) -> Vectors:
    """Rows by the reply's own `index`, since nothing promises its order. Raises Transient for what doesn't fit."""
    items = sorted(reply.data, key=lambda item: item.index)
    if [item.index for item in items] != list(range(count)):
        raise Transient(f"embedding model `{model}` gave {len(items)} vectors for {count} texts, or wrong indexes")
    sizes = {len(item.embedding) for item in items}
    if len(sizes) > 1 or not (size := sizes.pop()) or size % 4:
        raise Transient(f"embedding model `{model}` gave vectors of different dimensions, or none")
    return np.frombuffer(b"".join(item.embedding for item in items), dtype="<f4").reshape(count, -1)


def _counted(usage: object) -> int | None:
    """The tokens that the server counted; None where it doesn't say so in a number."""
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and tokens >= 0 else None


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
