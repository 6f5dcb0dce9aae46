"""Which offset of a partition may be committed, when records finish out of order."""

from __future__ import annotations

from collections import deque


class Watermark:
    """Offsets are added in the order of reading and finished in any order.

    `committable` is the offset after the last of an unbroken run of finished ones: everything below it is done. One
    may be finished before it is added: its work went on while the partition was handed back to the same member.
    """

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._finished: set[int] = set()
        self._next: int | None = None

    def add(self, offset: int) -> bool:
        """Whether it is still to be done."""
        if self._open and offset <= self._open[-1]:
            raise ValueError(f"offset {offset} was added after {self._open[-1]}")
        self._open.append(offset)
        if offset not in self._finished:
            return True
        self._advance()
        return False

    def finish(self, offset: int) -> None:
        self._finished.add(offset)
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
