"""One look at a time, however many ask for one: each waits for the end of a look that began after it had asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Fresh:
    """Who asks while a look is under way waits for the next one, together with all others who do."""

    def __init__(self, look: Callable[[], Awaitable[None]]) -> None:
        self._look = look
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Returns after a look that began later than this call. Raises what the look raises; a cancelled call leaves
        the look to the others."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
            self._next.add_done_callback(_look_at)
        await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        self._running, self._next = self._next, None  # whoever asks from here on is too late for this look
        await self._look()

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = [task for task in (self._running, self._next) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _look_at(look: asyncio.Task[None]) -> None:
    """Whoever waited may have given up: a failure that nobody hears of is no bug."""
    if not look.cancelled():
        look.exception()
