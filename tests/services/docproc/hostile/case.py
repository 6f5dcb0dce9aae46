"""What a hostile document is: bytes, what they call themselves, and how they may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import Code

RIVER = "The river begins here."
"""What a document shows that is read in spite of everything."""
Bytes = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Hostile:
    """`codes` are the refusals that are right; without any, the document must be read, and may be with some.

    When it is read, its text holds each of `shows`; whatever becomes of it, nobody is shown any of `hides`.
    """

    name: str
    filename: str
    make: Bytes
    codes: frozenset[Code]
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    declared: str | None = None
    must_be_refused: bool = False


def refused(name: str, filename: str, make: Bytes, *codes: Code, declared: str | None = None) -> Hostile:
    """Ends as failed with one of the codes."""
    return Hostile(name, filename, make, frozenset(codes), declared=declared, must_be_refused=True)


def read(
    name: str, filename: str, make: Bytes, *shows: str, hides: tuple[str, ...] = (), declared: str | None = None
) -> Hostile:
    """Is read, and shows these words."""
    return Hostile(name, filename, make, frozenset(), shows or (RIVER,), hides, declared)


def either(name: str, filename: str, make: Bytes, *codes: Code, hides: tuple[str, ...] = ()) -> Hostile:
    """Is read as far as it goes, or refused with one of the codes: a library's next release may judge otherwise."""
    return Hostile(name, filename, make, frozenset(codes), hides=hides)
