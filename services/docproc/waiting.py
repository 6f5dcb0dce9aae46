"""The units that are not in a chunk yet: looked ahead at, divided, taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from services.docproc.units import Unit


class Waiting:
    """Holds as many units as were looked at, and makes the others when they are needed."""

    def __init__(self, units: Iterator[Unit]) -> None:
        self._sources = [units]  # a stack, not a chain: a document has more divided units than C has frames
        self._ready: list[Unit] = []
        self._tokens: dict[Unit, int] = {}

    def peek(self, place: int) -> Unit | None:
        """The unit at this place, counted from 0; None behind the last."""
        while len(self._ready) <= place:
            if not self._sources:
                return None
            unit = next(self._sources[-1], None)
            if unit is None:
                self._sources.pop()
            else:
                self._ready.append(unit)
        return self._ready[place]

    def first(self, length: int) -> list[Unit]:
        """So many, or as many as there are."""
        self.peek(length - 1)
        return self._ready[:length]

    def replace(self, place: int, finer: Iterator[Unit]) -> None:
        """The unit at this place by others."""
        self._sources += (iter(self._ready[place + 1 :]), finer)
        del self._ready[place:]

    def take(self, length: int) -> list[Unit]:
        """Removes the first units and returns them."""
        taken = self.first(length)
        del self._ready[:length]
        for unit in taken:
            self._tokens.pop(unit, None)
        return taken

    def tokens(self, unit: Unit, measure: Callable[[Unit], int]) -> int:
        """Measured once, however often the unit is looked at."""
        known = self._tokens.get(unit)
        if known is None:
            known = self._tokens[unit] = measure(unit)
        return known
