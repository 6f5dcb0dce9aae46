"""Answers that cost something, shared by those who ask within seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Many who ask at once wait for one answer; an error is told to each and not kept."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._answers: dict[Hashable, tuple[float, T]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._lock:
            self._forget()
            if (known := self._answers.get(key)) is not None:
                return known[1]
            answer = await ask()
            self._answers[key] = (time.monotonic(), answer)
            return answer

    def _forget(self) -> None:
        """What is too old."""
        oldest = time.monotonic() - self._seconds
        self._answers = {key: answer for key, answer in self._answers.items() if answer[0] > oldest}
