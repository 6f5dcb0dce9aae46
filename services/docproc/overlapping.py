"""Where a chunk begins that shares its edge with the one before it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from services.docproc.tokens import LONGEST_TOKEN
from services.docproc.units import Grain, Unit
from shared.contracts.kinds import Kind

_WORD = re.compile(r"(?<=\s)\S|(?<=[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])\w")
_SENTENCE = re.compile(r"(?<=[.!?…。！？؟।])[\"'”’»)\]」』）]*+\s*$|\n\s*$")


def start_of_overlap(text: str, before: Sequence[Unit], first: Unit, count: Callable[[str], int], tokens: int) -> int:
    """Of the chunk that begins with `first`, behind one of these units, and shares at most so many tokens with it.

    Whole rows of a table, else whole words, from the start of a sentence or line where one is near. Headings and what
    is of another kind are not shared.
    """
    shared = _shareable(before, first)
    if not shared:
        return first.start
    end = shared[-1].end
    earliest = max(shared[0].start, end - LONGEST_TOKEN * tokens)
    if first.kind is Kind.TABLE:
        places = [unit.start for unit in shared if unit.start >= earliest]
    else:
        places = [found.start() for found in _WORD.finditer(text, earliest, end)]
    fitting = bisect_left(places, True, key=lambda place: count(text[place:end]) <= tokens)
    places = places[fitting:]
    if not places:
        return first.start
    middle = (places[0] + end) // 2
    if first.kind is Kind.TABLE:
        return places[0]
    return next((p for p in places if p <= middle and _SENTENCE.search(text[max(0, p - 8) : p])), places[0])


def _shareable(before: Sequence[Unit], first: Unit) -> list[Unit]:
    """The last units that are of the same kind; of a table only rows."""
    shared: list[Unit] = []
    for unit in reversed(before):
        if unit.kind is not first.kind or unit.level or (unit.kind is Kind.TABLE and unit.grain is not Grain.ROW):
            break
        shared.insert(0, unit)
    return shared if first.kind is not Kind.TABLE or first.grain is Grain.ROW else []
