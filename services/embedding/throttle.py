"""When a request may be sent, so that a server is asked for all that it grants and is not stormed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from services.embedding.allowance import Headers, allowance, retry_after
from services.embedding.pace import FORGOTTEN, Pace, Window
from shared.errors import Transient

AT_ONCE_AT_FIRST = 4
KEPT_AT_ONCE = 0.7
"""Of the requests at once, after a refusal."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
WORTH = 0.5
"""Seconds of the rate that one request may take, where a rate is known."""
TICK = 0.001
SHARE_OF_LIMIT = 0.25
SMALL = 2_048.0
"""Tokens: requests don't get smaller for a slow pace, only where the server refuses one after the other."""
SIZE_AT_FIRST = 16_384.0
SIZE_GROWS, SIZE_GROWS_SLOWLY = 2.0, 1.1
LARGEST = 1e9
HALF = 0.5
DIVIDED_BELOW = 0.7
"""A request that should have less than this part of its tokens by now is divided."""


class Divide(Exception):
    """A request has more tokens than one should have now."""


class Throttle:
    """For all requests of this process under one key. Other processes are not asked; the server's answers tell of them.

    Nothing is known at first: few requests, small ones, and more and larger ones with each answer.

    Requests get their turn in the order in which they ask for it, when all of these say so: the number of requests
    under way, the pause after a refusal, the pace, and what the server says is left.
    """

    def __init__(self, at_once: int, *, patience: float) -> None:
        """`at_once` is the most requests under way; who would have to wait longer than `patience` seconds for a server
        that refuses is told so."""
        self._most = at_once
        self._patience = patience
        self._width = float(min(AT_ONCE_AT_FIRST, at_once))
        self._present = self._under_way = 0
        self._number = 0
        self._size = SIZE_AT_FIRST
        self._too_large, self._too_large_at = LARGEST, float("-inf")
        self._paused_until = float("-inf")
        self._refused_since: float | None = None
        self._refusals_in_a_row = self._backoffs = 0
        self._pace = Pace()
        self._tokens, self._requests = Window(), Window()
        self._queue = asyncio.Lock()
        self._changed = asyncio.Event()

    def request_tokens(self) -> float:
        """The most that a request should have now."""
        spacing = max(WORTH, 2 / self._requests.rate) if self._requests.rate else WORTH
        bounds = [max(SMALL, spacing * rate) for rate in (self._pace.rate, self._tokens.rate) if rate is not None]
        if self._tokens.limit is not None:
            bounds.append(SHARE_OF_LIMIT * self._tokens.limit)
        return min([self._size, *bounds])

    @asynccontextmanager
    async def turn(self, tokens: float, *, divisible: bool = False) -> AsyncIterator[Turn]:
        """Entered when a request of so many tokens may be sent.

        Raises Transient when that would be too long, and Divide where it should be several, if it can be.
        """
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        self._present += 1
        self._pace.busy(asked_at)
        try:
            async with self._queue:
                while (delay := self._delay(tokens, loop.time())) > 0:
                    await self._wait(delay)
                if divisible and self.request_tokens() < DIVIDED_BELOW * tokens:
                    raise Divide
                turn = self._begin(tokens, divisible, loop.time(), asked_at)
            try:
                yield turn
            finally:
                self._under_way -= 1
                self._changed.set()
        finally:
            self._present -= 1
            if not self._present:
                self._pace.idle(loop.time())

    def _delay(self, tokens: float, now: float) -> float:
        pause = max(self._paused_until - now, self._tokens.delay(tokens, now), self._requests.delay(1, now))
        if pause > self._patience:
            raise Transient(f"the embedding API has granted nothing more for {pause:.0f} s", retry_after=pause)
        if self._under_way >= (1 if self._is_probing() else int(self._width)):
            return float("inf")
        return max(pause, self._pace.delay(now))

    def _is_probing(self) -> bool:
        """Refused, and nothing known of what would be taken: one request finds out for all."""
        return self._refusals_in_a_row > (0 if self._pace.rate is None else 1)

    async def _wait(self, seconds: float) -> None:
        self._changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), None if seconds == float("inf") else max(seconds, TICK))

    def _begin(self, tokens: float, divisible: bool, now: float, asked_at: float) -> Turn:
        self._number += 1
        self._under_way += 1
        self._pace.sent(tokens, now)
        self._tokens.sent(self._number, tokens, now)
        self._requests.sent(self._number, 1, now)
        return Turn(self, self._number, tokens, divisible, now, now - asked_at)

    def accepted(self, turn: Turn, headers: Headers) -> None:
        self._told(turn, headers)
        self._refused_since, self._refusals_in_a_row, self._backoffs = None, 0, 0
        self._widen()
        grown = self._size * (SIZE_GROWS if self._pace.rate is None else SIZE_GROWS_SLOWLY)
        self._size = max(self._size, min(grown, self._ceiling()))
        self._pace.accepted(turn.tokens)

    def _widen(self) -> None:
        """By one for each round of answers, where about that many are under way."""
        if self._under_way >= int(self._width) - 1:
            self._width = min(self._most, self._width + 1 / self._width)

    def refused(self, turn: Turn, headers: Headers) -> float | None:
        """The seconds that the server wants to be left alone for, where that is more than there is patience for."""
        now = asyncio.get_running_loop().time()
        self._told(turn, headers)
        if self._pace.refused(turn.sent_at, now, self._tokens.rate):
            self._width = max(1.0, KEPT_AT_ONCE * min(self._width, self._under_way))
            self._refusals_in_a_row += 1
            if self._refusals_in_a_row > 1 and turn.divisible:
                self._too_large, self._too_large_at = turn.tokens, now
                self._size = min(self._size, HALF * turn.tokens)
            else:
                self._backoffs += 1
        asked_for = retry_after(headers)
        pause = self._backoff() if asked_for is None else asked_for
        self._paused_until = max(self._paused_until, now + pause * random.uniform(1, 1.1))  # noqa: S311
        self._refused_since = now if self._refused_since is None else self._refused_since
        return pause if self._paused_until - self._refused_since > self._patience else None

    def _ceiling(self) -> float:
        """Tokens of a request, in what was refused one after the other lately."""
        lately = asyncio.get_running_loop().time() - self._too_large_at < FORGOTTEN
        return HALF * self._too_large if lately else LARGEST

    def _backoff(self) -> float:
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** max(0, self._backoffs - 1))

    def _told(self, turn: Turn, headers: Headers) -> None:
        now = asyncio.get_running_loop().time()
        for window, name in ((self._tokens, "tokens"), (self._requests, "requests")):
            found = allowance(headers, name)
            if found is not None:
                window.told(found, turn.number, now)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request's. `waited` are the seconds from the question to the turn."""

    throttle: Throttle
    number: int
    tokens: float
    divisible: bool
    sent_at: float
    waited: float

    def accepted(self, headers: Headers) -> None:
        self.throttle.accepted(self, headers)

    def refused(self, headers: Headers) -> float | None:
        """Seconds, where the server asks for more patience than there is."""
        return self.throttle.refused(self, headers)
