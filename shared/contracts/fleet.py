"""`fleet.reports`: what each process says of itself, every few seconds."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.base import Event, Instant


class LedgerLine(Event):
    """What one consumer group made of the records of one topic: `read` is the sum of all others."""

    group: str
    topic: str
    read: int
    done: int
    folded: int
    superseded: int
    skipped: int
    dead_lettered: int
    returned: int
    held: int

    @property
    def imbalance(self) -> int:
        """Records that are nowhere; negative where some were counted twice."""
        settled = self.done + self.folded + self.superseded + self.skipped + self.dead_lettered + self.returned
        return self.read - settled - self.held


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
    warnings: dict[str, str] = Field(default_factory=dict)
    """As `/ready` has them: what a person should look at while the process is ready."""
    records_in: int = Field(ge=0)
    records_out: int = Field(ge=0)
    retries: int = Field(ge=0)
    dead_letters: int = Field(ge=0)
    ledger: tuple[LedgerLine, ...] = ()
