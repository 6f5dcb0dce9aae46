"""uvicorn's server for tests that start one each."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import uvicorn

from tests.waiting import until


class PromptServer(uvicorn.Server):
    """Ends when it is told to, not at the next tenth of a second and another one later: tests have hundreds of it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Nobody is let in any more; who is being answered has as long as the configuration says, as with uvicorn."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            await until(self._is_idle, self.config.timeout_graceful_shutdown or 30.0)
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()

    def _is_idle(self) -> bool:
        return not self.server_state.connections and not self.server_state.tasks
