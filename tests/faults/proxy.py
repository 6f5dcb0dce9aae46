"""A TCP proxy between any two parts of a fleet, which misbehaves as it is told while it runs.

It lives in a thread of its own: a test may block without standing in the traffic's way.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from tests.faults.links import Link, Mode, Side, Trap
from tests.faults.wires import Frames, Wire

HOST = "127.0.0.1"
PIECE = 64 * 1024
DRIPS_A_SECOND = 10
_RST_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """All links of a fleet. A context manager; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._links: list[Link] = []

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def link(self, name: str, port: int, target: int, wire: Wire) -> Link:
        """Listens from now on."""
        link = Link(name, port, target, wire)
        self._links.append(link)
        self._do(self._listen(link))
        return link

    def set(self, link: Link, mode: Mode, **settings: float) -> None:
        """From the next piece on; CUT ends the connections that are there."""

        async def change() -> None:
            link.mode = mode
            for name, value in settings.items():
                setattr(link, name, value)
            if mode is Mode.CUT:
                link.troubled += len(link.connections)
                for connection in list(link.connections):
                    connection.drop()

        self._do(change())

    def arm(self, link: Link, trap: Trap) -> None:
        async def change() -> None:
            link.trap = trap

        self._do(change())

    def pass_everything(self) -> None:
        for link in self._links:
            self.set(link, Mode.PASS)
            link.trap = None

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, link: Link) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _Connection(link, reader, writer).serve()

        self._servers.append(await asyncio.start_server(accept, HOST, link.port))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for link in self._links:
            for connection in list(link.connections):
                connection.drop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(others, timeout=5) if others else None


class _Connection:
    def __init__(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._link = link
        self._reader, self._writer = reader, writer
        self._server_writer: asyncio.StreamWriter | None = None
        self._pumps: list[asyncio.Task[None]] = []
        self._awaiting: Trap | None = None

    async def serve(self) -> None:
        self._link.connections.add(self)
        try:
            if self._link.mode is Mode.CUT:
                self._link.troubled += 1
            else:
                await self._passes()
                await self._between()
        except OSError:
            pass  # one of the two sides went away, as the other is told by the closing
        finally:
            self._link.connections.discard(self)
            self.drop()

    async def _between(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._link.target)
        self._server_writer = writer
        self._pumps = [
            asyncio.create_task(self._pump(self._reader, writer, self._asked)),
            asyncio.create_task(self._pump(reader, self._writer, self._answered)),
        ]
        done, others = await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        await asyncio.wait(self._pumps)
        for pump in done:
            if not pump.cancelled() and (error := pump.exception()) and not isinstance(error, OSError | _Dropped):
                raise error

    def drop(self, *, reset: bool = False) -> None:
        for pump in self._pumps:
            pump.cancel()
        for writer in filter(None, (self._writer, self._server_writer)):
            if reset and (raw := writer.get_extra_info("socket")):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
            writer.transport.abort() if reset else writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caught: Callable[[bytes], Trap | None]
    ) -> None:
        frames = Frames(self._link.wire)
        while piece := await reader.read(PIECE):
            for frame in frames.feed(piece):
                if trap := caught(frame):
                    await self._let_go(trap)
                await self._send(writer, frame)

    async def _let_go(self, trap: Trap) -> None:
        trap.spring()
        if trap.release is None:
            self.drop(reset=True)
            raise _Dropped
        while not trap.release.is_set():  # noqa: ASYNC110 a test's thread sets it
            await asyncio.sleep(0.05)

    def _asked(self, frame: bytes) -> Trap | None:
        """The trap that holds it. A request whose answer is to be held is passed on."""
        trap = self._link.trap
        if trap is None or trap.awaited is not None or trap.sprung.is_set():
            return None
        request = self._link.wire.request(frame)
        if not trap.matches(request):
            return None
        if trap.side is Side.BEFORE:
            return trap
        trap.awaited, self._awaiting = request.number, trap
        return None

    def _answered(self, frame: bytes) -> Trap | None:
        trap = self._awaiting
        if trap is None or trap.sprung.is_set() or self._link.wire.answers(frame) != trap.awaited:
            return None
        return trap

    async def _send(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        self._link.troubled += self._link.mode is not Mode.PASS
        await self._passes()
        mode = self._link.mode
        if mode is Mode.RESET:
            writer.write(frame[: len(frame) // 2])
            with contextlib.suppress(OSError):
                await writer.drain()
            self.drop(reset=True)
            raise _Dropped
        if mode is Mode.DELAY:
            await asyncio.sleep(self._link.delay)
        if mode is Mode.DRIP:
            await self._drip(writer, frame)
            return
        writer.write(frame)
        await writer.drain()

    async def _passes(self) -> None:
        while self._link.mode is Mode.HALF_OPEN:  # noqa: ASYNC110 the mode is changed by a test, seldom
            await asyncio.sleep(0.05)

    async def _drip(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        step = max(1, self._link.drip // DRIPS_A_SECOND)
        for start in range(0, len(frame), step):
            writer.write(frame[start : start + step])
            await writer.drain()
            if self._link.mode is Mode.DRIP:
                await asyncio.sleep(1 / DRIPS_A_SECOND)


class _Dropped(Exception):
    """The connection was ended on purpose."""
