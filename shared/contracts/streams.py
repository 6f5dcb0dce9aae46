"""`streams.control`: which declaration of a stream is in force."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.contracts.base import Event, Instant


class StreamApplied(Event):
    """The newest record of a stream is the valid one. `declaration` is its canonical form
    (`shared.streams.declaration.Stream.canonical`). A raised `epoch` asks Spark to compute everything anew from what
    the raw topic still holds."""

    stream: str
    epoch: int = Field(ge=1)
    declaration: dict[str, Any]
    applied_at: Instant
    floor: int | None = None
    """Of this epoch, in ms since 1970: windows that begin before it lie partly in records that were gone already."""
    reason: str | None = None
