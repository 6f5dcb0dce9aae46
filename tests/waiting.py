"""Waiting for what must come true: the test fails where it doesn't in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Condition = Callable[[], bool] | Callable[[], Awaitable[bool]]


async def until(condition: Condition, seconds: float = 30.0) -> None:
    """Asks again and again."""
    async with asyncio.timeout(seconds):
        while not await _holds(condition):  # noqa: ASYNC110 what is waited for is outside this process
            await asyncio.sleep(0.02)


async def _holds(condition: Condition) -> bool:
    answer = condition()
    return answer if isinstance(answer, bool) else await answer
