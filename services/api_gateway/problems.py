"""Every error of the API as problem details (RFC 9457)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.api_gateway.upload_log import UploadsPaused
from shared.errors import Transient

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
BUSY_SECONDS = 1


class Problem(Exception):
    """An answer other than success. `code` is for programs and never changes; `detail` is for the person."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.more = more


def unavailable(code: str, detail: str, retry_after: float | None = None, **more: Any) -> Problem:
    """A 503 that names a time after which to try again."""
    seconds = max(1, math.ceil(retry_after or RETRY_AFTER_SECONDS))
    return Problem(503, code, detail, headers={"Retry-After": str(seconds)}, **more)


def busy(detail: str, **more: Any) -> Problem:
    """A 429: others' requests have to end first, which is a matter of moments."""
    return Problem(429, "busy", detail, headers={"Retry-After": str(BUSY_SECONDS)}, **more)


def install(app: FastAPI, addresses: Sequence[Route]) -> None:
    """Handlers for everything that can be raised on the way to an answer; `addresses` are the API's routes."""
    app.state.addresses = addresses
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UploadsPaused, _paused)
    app.add_exception_handler(Transient, _transient)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _bug)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 Starlette passes what was registered
    return _answer(request, error)


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own: no such path, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    headers = {**(error.headers or {})}
    if "Allow" in headers:
        headers["Allow"] = ", ".join(_allowed(request, headers["Allow"].split(", ")))
    return _answer(request, Problem(error.status_code, code, str(error.detail), headers=headers))


def _allowed(request: Request, known: Sequence[str]) -> list[str]:
    """Starlette names the methods of the first of the routes that share this path."""
    routes: Sequence[Route] = request.app.state.addresses
    path = next((route.path for route in routes if route.path_regex.match(request.scope["path"])), None)
    methods = {*known, *(method for route in routes if route.path == path for method in route.methods or ())}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [{"where": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
    detail = "; ".join(f"{e['where']}: {e['message']}" for e in errors)
    return _answer(request, Problem(422, "invalid_request", detail, errors=errors))


async def _transient(request: Request, error: Exception) -> JSONResponse:
    """What exactly is away goes to the log: addresses inside the cluster are nobody else's business."""
    assert isinstance(error, Transient)  # noqa: S101
    log.warning("a dependency is away", path=request.url.path, error=str(error))
    detail = "a store that this answer needs doesn't respond at the moment: try again"
    return _answer(request, unavailable("unavailable", detail, error.retry_after))


async def _paused(request: Request, error: Exception) -> JSONResponse:
    """What is wrong names topics only, and the command that goes on."""
    assert isinstance(error, UploadsPaused)  # noqa: S101
    detail = f"uploads and deletions wait, and nothing of this one was taken: {error}"
    return _answer(request, unavailable("uploads_paused", detail, error.retry_after))


async def _gone(request: Request, _: Exception) -> JSONResponse:
    """Nobody reads this answer; it keeps an upload that was broken off from being logged as a bug."""
    log.info("the client went away", path=request.url.path)
    return _answer(request, Problem(400, "incomplete", "the request ended before its body was complete"))


async def _bug(request: Request, _: Exception) -> JSONResponse:
    """The traceback goes to the log, by the server, and nowhere else."""
    return _answer(request, Problem(500, "internal_error", "the gateway has a bug: its log says more"))


def _answer(request: Request, problem: Problem) -> JSONResponse:
    body = {
        "type": f"urn:cauce:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        "code": problem.code,
        **problem.more,
    }
    return _Told(body, problem.status, problem.headers, MEDIA_TYPE)


class _Told(JSONResponse):
    """In ASCII: a problem may quote a text that UTF-8 can't say."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False).encode()
