"""One circuit for a dependency: while it is away, one batch at a time asks whether it is back, and all others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shared.errors import Transient
from shared.kafka.retry import RetryPolicy

OPENS_AFTER = 3
"""Failures in a row, of whichever batches: one that fails alone while others succeed is no reason for them to wait."""

Sleep = Callable[[float], Awaitable[None]]


class Circuit:
    """Closed: everybody may try. Open: whoever has waited longest is the prober, and waits before it tries.

    Probers take turns, so that a batch which the dependency never takes can't keep the others from finding out that it
    takes theirs. A success closes the circuit, and all go on at once.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._asked_for = 0.0
        self._probing = asyncio.Lock()
        self.reason: str | None = None
        """What the dependency said last; None while the circuit is closed."""

    @asynccontextmanager
    async def turn(self, sleep: Sleep) -> AsyncIterator[None]:
        """Entered when the caller may try; while open, that is after all who came before, and after `sleep`."""
        if self.reason is None:
            yield
            return
        async with self._probing:
            if self.reason is not None:
                await sleep(max(self._asked_for, self._policy.wait(self._failures)))
                yield
                return
        yield

    def failed(self, error: Transient) -> None:
        """Attempts that were under way when the circuit opened tell nothing new."""
        if self.reason is not None and not self._probing.locked():
            return
        self._failures += 1
        self._asked_for = error.retry_after or 0.0
        if self._failures >= OPENS_AFTER:
            self.reason = str(error)

    def succeeded(self) -> None:
        self._failures = 0
        self.reason = None
