"""A small server on the loopback that speaks `/v1/embeddings`, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.prompt_server import PromptServer

DIMENSIONS = 256
"""As many as the model has that embeds by default: its collection takes no vectors of another length."""
Answer = Callable[[dict[str, Any]], Awaitable[Response]]


def numbers(text: str) -> list[float]:
    return [float(len(text)), 1.0, 2.0, 3.0] + [0.0] * (DIMENSIONS - 4)


def item(index: int, values: list[float]) -> dict[str, Any]:
    packed = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    return {"object": "embedding", "index": index, "embedding": packed}


def reply(items: list[dict[str, Any]]) -> Response:
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return JSONResponse({"object": "list", "model": "m", "data": items, "usage": usage})


def error(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    async def answer(_: dict[str, Any]) -> Response:
        body = {"error": {"message": message, "type": "t", "param": None, "code": code}}
        return JSONResponse(body, status, {name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def well(body: dict[str, Any]) -> Response:
    return reply([item(place, numbers(text)) for place, text in enumerate(body["input"])])


@dataclass(slots=True)
class ApiServer:
    """`answer` decides what each request gets; `requests` remembers their bodies, `headers` the last one's headers."""

    url: str = ""
    answer: Answer = well
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def serve(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.headers = dict(request.headers)
        return await self.answer(body)


@asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    app = Starlette(routes=[Route("/v1/embeddings", server.serve, methods=["POST"])])
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    running = PromptServer(config)
    task = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110 uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}/v1"
    yield server
    running.end()
    await task
