"""The share of a stream's events that are late or from the future: many at a time are a clock that is wrong, a
producer's or a broker's. Nothing is stopped for it: one producer's clock is no other's fault."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

RECENT = 1_000
"""Records, at least, that the share is of: those of as many of the newest batches."""
FEWEST = 50
"""Records of which a share says something."""
TELLING = 0.2
"""The share from which it is told: a fifth is more than stragglers, and less than one broker of three can spoil."""


class RecentShare:
    """Of the newest batches that together have `RECENT` records, or of all where there were fewer."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, int]] = deque()
        self.records = 0
        self._untimely = 0

    def add(self, records: int, untimely: int) -> None:
        """A batch, with how many of its records were late or from the future."""
        if not records:
            return
        self._batches.append((records, untimely))
        self.records += records
        self._untimely += untimely
        while self.records - self._batches[0][0] >= RECENT:
            dropped, of_them = self._batches.popleft()
            self.records -= dropped
            self._untimely -= of_them

    @property
    def value(self) -> float:
        return self._untimely / self.records if self.records else 0.0

    @property
    def sentence(self) -> str | None:
        """What a person should know; None where there is nothing to tell."""
        if self.records < FEWEST or self.value < TELLING:
            return None
        return (
            f"{self.value:.0%} of the last {self.records} events were late or from the future, and are dead letters: "
            f"look at the clocks of the producers and of the brokers (`cauce_broker_clock_skew_seconds`)"
        )


def warnings(shares: Mapping[str, RecentShare]) -> dict[str, str]:
    """By stream, of shares by the names of the queries that judge."""
    told = {name.removesuffix(".clean"): share.sentence for name, share in shares.items()}
    return {f"stream {name}": sentence for name, sentence in told.items() if sentence}
