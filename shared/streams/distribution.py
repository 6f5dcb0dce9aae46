"""How the values of a field are distributed, to be read on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

BUCKETS = 10
TOP = 10
WIDTH = 40
MOST = 1e300
"""A number beyond it, or none at all such as NaN, is shown as a text."""
KEPT = 1_000_000
"""Numbers kept for a histogram; those after them are only counted."""


class Distribution:
    """Numbers become a histogram, everything else a list of the most frequent."""

    def __init__(self) -> None:
        self.values = 0
        self._numbers: list[float] = []
        self._texts: Counter[str] = Counter()

    def add(self, value: object) -> None:
        self.values += 1
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST:
            if len(self._numbers) < KEPT:
                self._numbers.append(value)
        else:
            self._texts[str(value)] += 1

    def lines(self) -> list[str]:
        """A bar for each bucket, then for each of the most frequent texts."""
        rows = [*_buckets(self._numbers), *self._texts.most_common(TOP)]
        most = max((count for _, count in rows), default=0)
        width = max((len(label) for label, _ in rows), default=0)
        bars = [f"{label:>{width}}  {count:>8}  {_bar(count, most)}" for label, count in rows]
        left = len(self._texts) - TOP
        return bars + ([f"{'':>{width}}  and {left} other values"] if left > 0 else [])


def _bar(count: int, most: int) -> str:
    return "█" * max(1 if count else 0, round(WIDTH * count / most))


def _buckets(numbers: Sequence[float]) -> Iterator[tuple[str, int]]:
    """Few different numbers stand for themselves; many are put into buckets of one width, upper ends excluded."""
    different = sorted(set(numbers))
    if len(different) <= BUCKETS:
        found = Counter(numbers)
        yield from ((f"{number:g}", found[number]) for number in different)
        return
    least, most = different[0], different[-1]
    step = (most - least) / BUCKETS
    counts = Counter(min(int((number - least) / step), BUCKETS - 1) for number in numbers)
    for place in range(BUCKETS):
        yield f"{least + place * step:.6g} to {least + (place + 1) * step:.6g}", counts[place]
