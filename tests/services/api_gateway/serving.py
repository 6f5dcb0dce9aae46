"""The gateway's app behind the server that it has in production, on a port of the loopback, for bytes of any kind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from services.api_gateway.app import create
from shared.runtime.http import served
from tests.prompt_server import PromptServer
from tests.services.api_gateway.world import ACME_KEY, World
from tests.waiting import until

KEY = f"Host: gateway\r\nX-API-Key: {ACME_KEY}\r\n".encode()


@dataclass(frozen=True)
class Answer:
    """`rest` is what came after it on the same connection."""

    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes = b""


@dataclass(frozen=True)
class Served:
    server: uvicorn.Server
    port: int

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return bool(self.server.server_state.tasks)

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[Served]:
    await world.upload_log.look()
    server = PromptServer(served(create(world.gateway, world.health), "127.0.0.1", 0))
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield Served(server, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.end()
        await task


async def send(writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> None:
    """As much as the other side takes. An empty piece is a pause, in which what came before it arrives by itself."""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if not piece:
                await asyncio.sleep(0.02)


async def heard(reader: asyncio.StreamReader) -> bytes:
    """All until the other side ends."""
    got = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(64 * 1024):
            got += piece
    return bytes(got)


async def answer(reader: asyncio.StreamReader, *, to_head: bool = False) -> Answer | None:
    """The next final answer; None where the connection ends without one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100 "):
            head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = b"" if to_head else await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Answer(int(first.split(" ")[1]), headers, body)
