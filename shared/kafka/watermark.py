"""Which offset of a partition may be committed, when records finish out of order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence


class Watermark:
    """Offsets are added in the order of reading and finished in any order.

    `committable` is the offset after the last of an unbroken run of finished ones: everything below it is done. One
    may be finished before it is added: its work went on while the partition was handed back to the same member.
    """

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._finished: set[int] = set()
        self._next: int | None = None

    def add(self, offsets: Sequence[int]) -> set[int]:
        """The ones that are finished already."""
        if self._open and offsets[0] <= self._open[-1]:
            raise ValueError(f"offset {offsets[0]} was added after {self._open[-1]}")
        self._open.extend(offsets)
        done = self._finished.intersection(offsets) if self._finished else set[int]()
        if done:
            self._advance()
        return done

    def finish(self, offsets: Iterable[int]) -> None:
        self._finished.update(offsets)
        self._advance()

    def _advance(self) -> None:
        while self._open and self._open[0] in self._finished:
            done = self._open.popleft()
            self._finished.remove(done)
            self._next = done + 1

    @property
    def committable(self) -> int | None:
        """None before anything is finished."""
        return self._next

    @property
    def held(self) -> int:
        """How many records were read and can't be committed yet."""
        return len(self._open)
