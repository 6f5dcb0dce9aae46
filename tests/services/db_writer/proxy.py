"""A way to a server that can be cut, as a server that dies or a network that breaks would do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Forwards one loopback port to another. `cut` ends all connections and refuses new ones until `mend`.

    `lose_answer_to` are bytes of a request: the server gets the next one with them, and its answer gets lost together
    with the connection.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.lose_answer_to: bytes | None = None
        self.lost = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            with contextlib.closing(far_writer):
                doomed = asyncio.Event()
                await asyncio.gather(self._there(reader, far_writer, doomed), self._back(far_reader, writer, doomed))

    async def _there(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await source.read(65536):
            if self.lose_answer_to is not None and self.lose_answer_to in data:
                self.lose_answer_to = None
                doomed.set()
            sink.write(data)
            await sink.drain()
        sink.close()

    async def _back(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await source.read(65536):
            if doomed.is_set():
                self.lost += 1
                break
            sink.write(data)
            await sink.drain()
        sink.close()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(port)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()
