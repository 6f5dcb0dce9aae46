"""`fleet.reports`: what each process says of itself, every few seconds."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.base import Event, Instant


class ProcessReport(Event):
    """The newest of an instance is the valid one; one whose reports have stopped is gone. Counters begin with the
    process."""

    service: str
    instance: str
    """Unlike any other's, now and later."""
    started_at: Instant
    reported_at: Instant
    problems: dict[str, str] = Field(default_factory=dict)
    """As `/ready` has them: by the name of what is not well."""
    records_in: int = Field(ge=0)
    records_out: int = Field(ge=0)
    retries: int = Field(ge=0)
    dead_letters: int = Field(ge=0)
