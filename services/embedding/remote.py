"""Vectors from OpenAI's API, or from any server that speaks it: the only module that knows the `openai` client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import numpy as np
import openai
from openai import AsyncOpenAI, Omit, omit
from pydantic import BaseModel, ValidationError

from services.embedding.embedder import Vectors, checked
from shared.contracts.chunks import Vector
from shared.errors import Code, Permanent, Transient

REQUEST_INPUTS = 2_048
REQUEST_TOKENS = 250_000
BYTES_PER_TOKEN = 3
REFUSALS = {400, 413, 422}
OUR_PARAMETERS = {"dimensions", "encoding_format", "model"}


class _Item(BaseModel):
    index: int
    embedding: Vector


class _Reply(BaseModel):
    data: list[_Item]


class OpenAIEmbedder:
    """Implements `Embedder`. Never retries by itself: the consume loop does, and knows when to stop."""

    def __init__(
        self, client: AsyncOpenAI, model: str, dimensions: int | None = None, *, deadline: float | None = None
    ) -> None:
        """`client` must have `max_retries=0` and a timeout of seconds, which it counts anew with each piece of a reply;
        `deadline`, in seconds, is for a whole request. `dimensions` None: the model's own."""
        self._client = client
        self._dimensions = dimensions
        self._deadline = deadline
        self.model = model

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not all(text.strip() for text in texts):
            raise Permanent(Code.EMBEDDING_REJECTED, "the text is empty, which the API refuses")
        parts = [await self._request(part) for part in requests(texts)]
        if len({part.shape[1] for part in parts}) > 1:
            raise Transient(f"embedding model `{self.model}` gave vectors of different dimensions")
        return np.concatenate(parts)

    async def _request(self, texts: Sequence[str]) -> Vectors:
        try:
            async with asyncio.timeout(self._deadline):
                with map_openai_errors():
                    reply = await self._client.embeddings.with_raw_response.create(
                        input=list(texts), model=self.model, dimensions=self._asked(), encoding_format="base64"
                    )
        except TimeoutError as error:
            raise Transient(f"the embedding API's reply takes longer than {self._deadline:g} s") from error
        return checked(_vectors(reply.content, len(texts), self.model), len(texts), self.model, self._dimensions)

    def _asked(self) -> int | Omit:
        return omit if self._dimensions is None else self._dimensions


def requests(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Parts that fit into a request: at most 2,048 inputs and an estimated 250,000 of the 300,000 tokens allowed.

    A token is taken for three bytes of UTF-8; English has more of them. Where the estimate is wrong, the API refuses
    and the caller halves the batch.
    """
    start, tokens = 0, 0
    for place, text in enumerate(texts):
        size = len(text.encode()) // BYTES_PER_TOKEN + 1
        if place > start and (place - start == REQUEST_INPUTS or tokens + size > REQUEST_TOKENS):
            yield texts[start:place]
            start, tokens = place, 0
        tokens += size
    yield texts[start:]


def _vectors(body: bytes, count: int, model: str) -> Vectors:
    """Rows by the reply's own `index`, since nothing promises its order. Raises Transient for what isn't a reply."""
    try:
        items = sorted(_Reply.model_validate_json(body).data, key=lambda item: item.index)
    except ValidationError as error:
        raise Transient(f"embedding model `{model}`: the reply can't be read: {_first(error)}") from error
    if [item.index for item in items] != list(range(count)):
        raise Transient(f"embedding model `{model}` gave {len(items)} vectors for {count} texts, or wrong indexes")
    sizes = {len(item.embedding) for item in items}
    if len(sizes) > 1 or not (size := sizes.pop()) or size % 4:
        raise Transient(f"embedding model `{model}` gave vectors of different dimensions, or none")
    return np.frombuffer(b"".join(item.embedding for item in items), dtype="<f4").reshape(count, -1)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


@contextlib.contextmanager
def map_openai_errors() -> Iterator[None]:
    """The client's errors as ours. Only a refusal of the request's content is the records' fault.

    A wrong key, a spent quota and a model that isn't there are an outage too, of the configuration: nothing is lost
    while somebody mends it, and `/ready` says what to mend.
    """
    try:
        yield
    except openai.APIStatusError as error:
        if error.status_code in REFUSALS and error.param not in OUR_PARAMETERS:
            raise Permanent(Code.EMBEDDING_REJECTED, f"the embedding API refuses the text: {_said(error)}") from error
        raise Transient(_outage(error), retry_after=_retry_after(error)) from error
    except openai.OpenAIError as error:
        raise Transient(f"the embedding API does not answer: {error}") from error


def _outage(error: openai.APIStatusError) -> str:
    if error.param in OUR_PARAMETERS:
        return f"the embedding API refuses a setting, check CAUCE_EMBEDDING_MODEL and _DIMENSIONS: {_said(error)}"
    if error.status_code in {401, 403}:
        return f"the embedding API refuses the key, check `OPENAI_API_KEY`: {_said(error)}"
    if error.status_code == 404:
        return f"the embedding API has no such model or address, check `CAUCE_EMBEDDING_MODEL`: {_said(error)}"
    if error.code == "insufficient_quota":
        return f"the embedding API's quota is used up: {_said(error)}"
    return f"the embedding API asks for patience: HTTP {error.status_code}: {_said(error)}"


def _said(error: openai.APIStatusError) -> str:
    """What the server said, in one line, cut to what a log line can bear."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(message or error.message).split())[:500]


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds, from a number or an HTTP date; None where the header is absent or says nothing."""
    header = error.response.headers.get("retry-after")
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        return _seconds_until(header)


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
