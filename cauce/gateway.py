"""The gateway as the command sees it: upload a file, ask how far it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import httpx
from pydantic import BaseModel
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from compose.local.errors import LocalStackError
from compose.local.remembered import development_key
from compose.local.settings import LocalSettings
from compose.local.state import running_state
from shared.contracts.documents import Counts, Reason, Receipt, State

_UNAUTHORIZED = 401
_TOO_MANY_REQUESTS = 429
_TIMEOUT = httpx.Timeout(60, connect=5)


class Accepted(BaseModel):
    """The part of a 202 that we use."""

    document_id: str
    version: int | None = None


class Remains(BaseModel):
    """A topic that may still hold what was written of a deleted document."""

    topic: str
    until: datetime


class Removed(Receipt):
    """A deletion's receipt, and what it could not remove yet."""

    remains: tuple[Remains, ...] = ()


class Progress(BaseModel):
    """The part of a document's status that we show."""

    state: State
    stage: str | None = None
    version: int | None = None
    counts: Counts = Counts()
    reason: Reason | None = None
    receipt: Removed | None = None


class Taken(BaseModel):
    """The part of the answer to events that we use."""

    accepted: int
    rejected: int = 0

    def __add__(self, other: Taken) -> Taken:
        return Taken(accepted=self.accepted + other.accepted, rejected=self.rejected + other.rejected)


class GatewayAway(LocalStackError):
    """It does not answer, or says that it can't just now; asking again is safe, uploading again too."""


class Gateway:
    """An async context manager; every method raises LocalStackError with the gateway's own explanation.

    While the gateway is away, everything is tried again for `patience` seconds.
    """

    def __init__(self, url: str, key: str, *, patience: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._patience = patience
        self._client = httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT, trust_env=False
        )

    async def __aenter__(self) -> Gateway:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def upload(self, file: Path, name: str | None = None) -> Accepted:
        """Send a file; under `name` it replaces what had that name before."""
        method, path = ("PUT", _path_of(name)) if name else ("POST", "/upload")

        async def send() -> httpx.Response:
            with file.open("rb") as content:
                return await self._client.request(method, path, files={"file": (file.name, content)})

        return Accepted.model_validate_json((await self._patiently(send)).content)

    async def delete(self, document_id: str) -> Accepted:
        return await self._delete(f"/documents/{quote(document_id, safe='')}")

    async def delete_named(self, name: str) -> Accepted:
        return await self._delete(_path_of(name))

    async def _delete(self, path: str) -> Accepted:
        return Accepted.model_validate_json((await self._patiently(lambda: self._client.delete(path))).content)

    async def progress(self, document_id: str) -> Progress:
        answer = await self._patiently(lambda: self._client.get(f"/documents/{document_id}"))
        return Progress.model_validate_json(answer.content)

    async def events(self, stream: str, lines: bytes) -> Taken:
        """Send events of a declared stream, one JSON object a line; the good ones among bad ones are taken.

        A gateway that is behind, or away, is asked again: with the lines that it hasn't taken for sure.
        """
        rest, before = lines.split(b"\n"), Taken(accepted=0)
        headers = {"Content-Type": "application/x-ndjson"}

        async def send() -> httpx.Response:
            nonlocal rest, before
            path, skip = f"/events/{quote(stream, safe='')}", {"on_error": "skip"}
            answer = await self._client.post(path, params=skip, content=b"\n".join(rest), headers=headers)
            if answer.is_error:
                part = _taken_until(answer)
                rest, before = rest[part.accepted + part.rejected :], before + part
            return answer

        last = Taken.model_validate_json((await self._patiently(send)).content)
        return before + last

    async def _patiently(self, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(GatewayAway),
            stop=stop_after_delay(self._patience),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            reraise=True,
        )
        return await attempts(self._once, ask)

    async def _once(self, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        try:
            answer = await ask()
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise GatewayAway(f"{self.url} does not answer: {reason}", advice="is it up? cauce status") from error
        if answer.is_server_error or answer.status_code == _TOO_MANY_REQUESTS:
            raise GatewayAway(f"{self.url} says {_explanation(answer)}", advice="see what is wrong: cauce doctor")
        if answer.is_error:
            advice = "give the right key with --key or CAUCE_API_KEY" if answer.status_code == _UNAUTHORIZED else ""
            raise LocalStackError(f"{self.url} says {_explanation(answer)}", advice=advice)
        return answer


def _path_of(name: str) -> str:
    return f"/documents/by-name/{quote(name, safe='')}"


def _taken_until(refusal: httpx.Response) -> Taken:
    """What a refusal says was taken before it: `line` is the first that isn't known to be in Kafka."""
    problem = refusal.json() if "json" in refusal.headers.get("content-type", "") else {}
    accepted, line = problem.get("accepted", 0), problem.get("line", 1)
    return Taken(accepted=accepted, rejected=max(0, line - 1 - accepted))


def _explanation(answer: httpx.Response) -> str:
    if "json" in answer.headers.get("content-type", ""):
        problem = answer.json()
        return f"{answer.status_code} {problem.get('detail') or problem.get('title')}"
    return f"{answer.status_code} {answer.text[:200]}"


def address(url: str | None, key: str | None, settings: LocalSettings) -> tuple[str, str]:
    """URL and API key: as given, else of the fleet that runs in this folder. Raises LocalStackError."""
    if url and not key:
        raise LocalStackError(f"no API key for {url}", advice="give one with --key or CAUCE_API_KEY")
    if not url:
        url = running_state(settings.layout.state).endpoints.gateway_url
    return url, key or development_key(settings.layout.api_key)
