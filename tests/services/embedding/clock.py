"""An event loop whose clock jumps: nothing waits, and seconds are exact."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


PATIENCE = 30.0


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting for a time it turns the clock on. Where there is none to wait for, it waits for a thread."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            found = super().select(PATIENCE)
            if not found:
                raise RuntimeError("everybody waits for somebody else")
            return found
        found = super().select(0)
        self.now += 0.0 if found else timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Waits for the threads themselves: the seconds that Python 3.12 and newer give them would pass at once."""
        await super().shutdown_default_executor()


def in_no_time(work: Coroutine[Any, Any, T]) -> T:
    """What it returns, on a clock that begins at 0."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
