"""Packs the units of a page into chunks: as full as the size allows, cut at the strongest boundary within reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from services.docproc.dividing import Divider, Pieces
from services.docproc.overlapping import start_of_overlap
from services.docproc.tokens import LONGEST_TOKEN
from services.docproc.units import Grain, Rank, Unit, boundary
from services.docproc.waiting import Waiting
from shared.contracts.kinds import Kind

_TINY = 1 / 8
_WELL_FILLED = 1 / 2


@dataclass(frozen=True, slots=True)
class Size:
    """Of chunks, in tokens as `count` gives them; `newline` is what a line end costs."""

    count: Callable[[str], int]
    max_tokens: int
    overlap_tokens: int
    newline: int


class Packed(NamedTuple):
    """A chunk of a page: its text is the header of a table, where there is one, and `text[start:end]`."""

    start: int
    end: int
    header: str
    kind: Kind
    tokens: int


class _Lead(NamedTuple):
    """Where a chunk begins, what is put in front of it, and the size of all that comes before its first unit.

    `filled` is the size with that unit; None where it is too large.
    """

    start: int
    header: str
    tokens: int
    filled: int | None


class Packer:
    """Iterate over it once."""

    def __init__(self, text: str, units: Iterator[Unit], size: Size, pieces: Pieces) -> None:
        self._text = text
        self._size = size
        self._waiting = Waiting(units)
        self._divider = Divider(text, pieces, self._is_repeated)
        self._level = 0  # of the section that the next chunk begins in

    def __iter__(self) -> Iterator[Packed]:
        before: list[Unit] = []
        start = -1
        while (first := self._waiting.peek(0)) is not None:
            overlap = self._overlap(before, first, start)
            length, packed = self._next(overlap)
            before = self._waiting.take(length)
            start = packed.start
            self._level = next((unit.level for unit in reversed(before) if unit.level), self._level)
            yield packed

    def _is_repeated(self, header: str) -> bool:
        """A head that fills more than half of each chunk would leave too little room for rows."""
        most = self._size.max_tokens // 2
        return len(header) <= LONGEST_TOKEN * most and self._size.count(header) <= most

    def _overlap(self, before: list[Unit], first: Unit, behind: int) -> int:
        """Where the chunk that begins with `first` really begins, further ahead than `behind`."""
        if not before or not self._size.overlap_tokens:
            return first.start
        rank = boundary(before[-1], first)
        if rank is not None and rank < Rank.BLOCK:
            return first.start
        start = start_of_overlap(self._text, before, first, self._size.count, self._size.overlap_tokens)
        return start if start > behind else first.start

    def _next(self, overlap: int) -> tuple[int, Packed]:
        """How many of the waiting units the next chunk takes, and the chunk.

        Sizes are added up from those of the units, which is quick and nearly right, and looked at once more at the end.
        """
        budget = self._size.max_tokens
        lead = self._open(overlap)
        while True:
            length = self._reach(lead, budget)
            units = self._waiting.first(length)
            tokens = self._count(lead.start, units[-1].end, lead.header)
            if tokens <= self._size.max_tokens or length == 1:
                kinds = {unit.kind for unit in units if not unit.level}
                kind = kinds.pop() if len(kinds) == 1 else Kind.TEXT
                return length, Packed(lead.start, units[-1].end, lead.header, kind, tokens)
            budget = max(1, budget - (tokens - self._size.max_tokens))

    def _open(self, start: int) -> _Lead:
        """Divides the first unit until it fits, with what is put before it as far as that is possible."""
        first = self._waiting.first(1)[0]
        lead = self._lead(start, first, first.header)
        while lead.filled is None:
            overlaps = lead.start < first.start
            if first.grain is Grain.ROW and overlaps:
                lead = self._lead(first.start, first, first.header)
            elif first.grain is Grain.ROW and lead.header:
                lead = self._lead(first.start, first, "")
            elif self._divide(0, self._size.max_tokens - lead.tokens):
                first = self._waiting.first(1)[0]
                lead = self._lead(lead.start if overlaps else first.start, first, first.header)
            elif overlaps or lead.header:
                lead = self._lead(first.start, first, "")
            else:
                break
        return lead

    def _lead(self, start: int, first: Unit, header: str) -> _Lead:
        before = (f"{header}\n" if header else "") + self._text[start : first.start]
        tokens = self._size.count(before) if before else 0
        filled = None if self._is_huge(first) else self._count(start, first.end, header)
        fits = filled is not None and filled <= self._size.max_tokens
        return _Lead(start, header, tokens, filled if fits else None)

    def _is_huge(self, unit: Unit) -> bool:
        return unit.end - unit.start > LONGEST_TOKEN * self._size.max_tokens and unit.grain is not Grain.PIECE

    def _count(self, start: int, end: int, header: str) -> int:
        return self._size.count((f"{header}\n" if header else "") + self._text[start:end])

    def _reach(self, lead: _Lead, budget: int) -> int:
        """How many units the chunk takes; those that are too large are divided on the way."""
        cut = _Cut(self._size.max_tokens, self._waiting.first(1)[0].level or self._level)
        filled, length = budget if lead.filled is None else lead.filled, 1
        while (unit := self._waiting.peek(length)) is not None:
            before = self._waiting.peek(length - 1)
            rank = boundary(before, unit) if before else None
            if rank == Rank.APART:
                return length
            cut.consider(length, rank, filled - lead.tokens)
            grown = self._grown(lead, filled, before, unit, budget)
            if grown <= budget:
                filled, length = grown, length + 1
            elif (
                cut.chosen
                or not _may_be_divided(unit, rank)
                or not self._divide(length, budget - filled - self._gap(before, unit) - 1)
            ):
                return cut.best or length
        return length

    def _grown(self, lead: _Lead, filled: int, before: Unit | None, unit: Unit, budget: int) -> int:
        """The size with one more unit: by a sum where that is within the budget, else counted."""
        if self._is_huge(unit):
            return budget + 1
        grown = filled + self._gap(before, unit) + self._waiting.tokens(unit, self._measure)
        return grown if grown <= budget else self._count(lead.start, unit.end, lead.header)

    def _gap(self, before: Unit | None, unit: Unit) -> int:
        """What the line ends between two units take."""
        return self._size.newline * self._text.count("\n", before.end if before else 0, unit.start)

    def _measure(self, unit: Unit) -> int:
        return self._size.count(self._text[unit.start : unit.end])

    def _divide(self, place: int, room: int) -> bool:
        unit = self._waiting.first(place + 1)[place]
        too_large = self._is_huge(unit) or self._waiting.tokens(unit, self._measure) > self._size.max_tokens
        finer = self._divider.divide(unit, max(1, room), pieces=too_large)
        if finer is None:
            return False
        self._waiting.replace(place, finer)
        return True


def _may_be_divided(unit: Unit, rank: int | None) -> bool:
    """To fill a chunk. Rows, sentences and words stay whole unless a heading would be left alone."""
    return not unit.level and (rank is None or unit.grain in (Grain.BLOCK, Grain.PARAGRAPH, Grain.LINE))


class _Cut:
    """The best place to end a chunk, among the boundaries that are in reach."""

    def __init__(self, max_tokens: int, level: int) -> None:
        """`level` is that of the section in which the chunk begins."""
        self._max_tokens = max_tokens
        self._level = level
        self._rank = int(Rank.LEAST)
        self._chosen = 0
        self._last = 0
        self._any = 0

    @property
    def chosen(self) -> bool:
        """Whether there is a place that doesn't leave a tiny chunk."""
        return bool(self._chosen or self._last)

    @property
    def best(self) -> int:
        """How many units are before it; 0 where there is no place at all."""
        return self._chosen or self._last or self._any

    def consider(self, length: int, rank: int | None, filled: int) -> None:
        """A boundary of this rank behind so many units, which have so many tokens."""
        if rank is None:
            return
        self._any = length
        section_ends = rank < Rank.BLOCK and rank <= self._level
        if filled >= _TINY * self._max_tokens or section_ends or rank == Rank.ROW:
            self._last = length
            if rank <= self._rank and (rank <= Rank.PARAGRAPH or filled >= _WELL_FILLED * self._max_tokens):
                self._chosen, self._rank = length, rank
