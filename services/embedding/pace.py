"""How fast to ask: by what the server's headers say it grants, and by what it has taken between two refusals.

Pure bookkeeping: times are seconds of one clock that never goes back, and amounts tokens or requests.
"""

from __future__ import annotations

from collections import deque

from services.embedding.allowance import Allowance

MARGIN = 1.1
"""An estimate may be so much too low."""
CREDIT = 0.5
"""Seconds of sending nothing that may be made up for at once."""
LOW, EASED = 0.1, 0.95
"""Below this part of its limit, an allowance is drawn on a little more slowly than it is refilled."""
REMEMBERED = 1_024
KEPT, LEAST_KEPT = 0.95, 0.5
LEAST_KEPT_OF_GRANT = 0.7
TELLING_SECONDS, TELLING_ANSWERS = 3.0, 3
GROWTH, FASTEST_GROWTH, DOUBT = 0.005, 0.1, 0.1
"""Of the rate, a second; the more, the shorter the time that it was measured in."""
GROWTH_DOUBLES = 15.0
"""Seconds without a refusal, after which it grows twice as fast: the grant may be a larger one by now."""
FORGOTTEN = 180.0
"""Seconds without a refusal, after which there is no limit until the next one."""


class Spacing:
    """What is sent at a rate; a pause is made up for in part."""

    def __init__(self) -> None:
        self._free_at = float("-inf")

    def delay(self, now: float) -> float:
        return max(0.0, self._free_at - now)

    def sent(self, amount: float, rate: float, now: float) -> None:
        self._free_at = max(self._free_at, now - CREDIT) + amount / rate

    def begin(self, now: float) -> None:
        self._free_at = now


class Window:
    """An allowance that is refilled all the time, as the answers tell of it. Whoever else uses it shows in the next.

    What is left is sent at once, and what is refilled as it comes: so that it is drawn on in full, however old the news
    of it are when they arrive.
    """

    def __init__(self) -> None:
        self.limit: float | None = None
        self.rate: float | None = None
        self._remaining = 0.0
        self._told_at, self._told_of = float("-inf"), -1
        self._sent: deque[tuple[int, float]] = deque(maxlen=REMEMBERED)
        self._spacing = Spacing()

    def sent(self, number: int, amount: float, now: float) -> None:
        """Requests are numbered as they are sent."""
        self._sent.append((number, amount))
        if self.limit is not None and self.rate:
            low = self._remaining < LOW * self.limit
            self._spacing.sent(amount, self.rate * (EASED if low else 1.0), now)

    def told(self, found: Allowance, number: int, now: float) -> None:
        """By the answer to this request; one before the last that told says nothing new."""
        if number < self._told_of:
            return
        if self.limit is None:
            self._spacing.begin(now)
        self.limit, self._remaining = found.limit, found.remaining
        self._told_of, self._told_at = number, now
        used = found.limit - found.remaining
        if found.reset and used > 0:
            self.rate = used / found.reset
        while self._sent and self._sent[0][0] <= number:
            self._sent.popleft()

    def delay(self, amount: float, now: float) -> float:
        """Seconds until so much may be sent; 0 where nothing is known."""
        if self.limit is None or not self.rate:
            return 0.0
        wanted = min(amount * MARGIN, self.limit)
        granted = min(self.limit, self._remaining + self.rate * (now - self._told_at))
        left = granted - sum(size for _, size in self._sent)
        return min(max(0.0, (wanted - left) / self.rate), self._spacing.delay(now))


class Pace:
    """Tokens a second: no limit until a server refuses. Then what it took between two refusals, and a little more each
    second until it refuses again.

    Only busy seconds count: a server that is asked for little tells nothing of what it would take.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self._spacing = Spacing()
        self._cut_at = self._grown_at = float("-inf")
        self._growth = GROWTH
        self._busy_since: float | None = None
        self._busy = 0.0
        self._answers, self._tokens = 0, 0.0
        self._since_refusal = False

    def busy(self, now: float) -> None:
        """Somebody asks, or waits to."""
        if self._busy_since is None:
            self._busy_since = now

    def idle(self, now: float) -> None:
        """Nobody does."""
        if self._busy_since is not None:
            self._busy += now - self._busy_since
            self._busy_since = None

    def delay(self, now: float) -> float:
        """Seconds until the next request may be sent."""
        self._grow(now)
        return 0.0 if self.rate is None else self._spacing.delay(now)

    def sent(self, tokens: float, now: float) -> None:
        if self.rate is not None:
            self._spacing.sent(tokens, self.rate, now)

    def accepted(self, tokens: float) -> None:
        self._answers += 1
        self._tokens += tokens

    def refused(self, sent_at: float, now: float, grant: float | None) -> bool:
        """Whether it is news: what was sent before the last cut is refused for the same reason.

        `grant` is the rate that the server says it grants to all who share the key.
        """
        if sent_at <= self._cut_at:
            return False
        busy = self._busy + (now - self._busy_since if self._busy_since is not None else 0.0)
        telling = self._since_refusal and busy >= TELLING_SECONDS and self._answers >= TELLING_ANSWERS
        self.rate = _cut(self.rate, self._tokens / busy if telling else None, grant)
        self._growth = min(FASTEST_GROWTH, max(GROWTH, DOUBT / max(busy, TELLING_SECONDS)))
        self._spacing.begin(now)
        self._cut_at = self._grown_at = now
        if telling or not self._since_refusal:
            self._answers, self._tokens, self._busy, self._busy_since = 0, 0.0, 0.0, now
            self._since_refusal = True
        return True

    def _grow(self, now: float) -> None:
        if self.rate is None:
            return
        calm = now - self._cut_at
        if calm > FORGOTTEN:
            self.rate, self._since_refusal = None, False
            return
        self.rate *= 1 + self._growth * 2 ** (calm // GROWTH_DOUBLES) * (now - self._grown_at)
        self._grown_at = now


def _cut(rate: float | None, measured: float | None, grant: float | None) -> float | None:
    """After a refusal; None where too little is known to say."""
    if grant is not None:
        before = grant if rate is None else min(rate, grant)
        return min(KEPT * before, max(LEAST_KEPT_OF_GRANT * before, KEPT * (measured or 0.0)))
    if rate is None:
        return None if measured is None else KEPT * measured
    return KEPT * (rate if measured is None else min(rate, max(LEAST_KEPT * rate, measured)))
