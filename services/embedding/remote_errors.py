"""The `openai` client's errors as ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import openai

from services.embedding.allowance import Headers, retry_after
from shared.errors import Code, Permanent, Transient

REFUSALS = {400, 413, 422}
OUR_PARAMETERS = {"dimensions", "encoding_format", "model"}
REQUEST_TOO_LARGE = {"max_tokens_per_request"}


class TooMany(Transient):
    """A 429 that passes: too many requests, or tokens, for now."""

    def __init__(self, message: str, headers: Headers) -> None:
        super().__init__(message, retry_after=retry_after(headers))
        self.headers = headers


class TooLarge(Permanent):
    """Too many texts, or tokens, for one request; fewer may do."""


@contextlib.contextmanager
def map_openai_errors() -> Iterator[None]:
    """Only a refusal of the request's content is the records' fault.

    A wrong key, a spent quota and a model that isn't there are an outage too, of the configuration: nothing is lost
    while somebody mends it, and `/ready` says what to mend.
    """
    try:
        yield
    except openai.APIStatusError as error:
        if error.status_code in REFUSALS and error.param not in OUR_PARAMETERS:
            refusal = TooLarge if error.status_code == 413 or error.code in REQUEST_TOO_LARGE else Permanent
            raise refusal(Code.EMBEDDING_REJECTED, f"the embedding API refuses the text: {_said(error)}") from error
        if error.status_code == 429 and error.code != "insufficient_quota":
            raise TooMany(_outage(error), error.response.headers) from error
        raise Transient(_outage(error), retry_after=retry_after(error.response.headers)) from error
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
