"""A server's token bucket, and the headers that tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """Grants `rate` tokens a second, and up to `size` of them at once."""

    rate: float
    size: float
    tells: bool = True
    level: float = field(init=False)
    at: float = 0.0
    granted: float = 0.0
    requests: int = 0
    refusals: int = 0

    def __post_init__(self) -> None:
        self.level = self.size

    def take(self, tokens: float, now: float) -> bool:
        self.level = min(self.size, self.level + self.rate * (now - self.at))
        self.at = now
        self.requests += 1
        if tokens > self.level:
            self.refusals += 1
            return False
        self.level -= tokens
        self.granted += tokens
        return True

    def headers(self) -> Mapping[str, str]:
        if not self.tells:
            return {}
        return {
            "x-ratelimit-limit-tokens": f"{self.size:.0f}",
            "x-ratelimit-remaining-tokens": f"{self.level:.0f}",
            "x-ratelimit-reset-tokens": f"{1000 * (self.size - self.level) / self.rate:.0f}ms",
        }
