"""`dlq.actions`: what an operator did about dead letters."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.contracts.base import Event, Instant


class Action(StrEnum):
    """`redrive` is said before the record goes back to its topic, `redriven` once it is there."""

    REDRIVE = "redrive"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class DeadLetterAction(Event):
    """Keyed by the dead letter's identity, `group/topic/partition/offset`; the newest of each is the valid one.

    `redrives` is the number that the redriven record carries, counted from 1; of a discarded letter, how often it had
    been redriven. `run` tells apart the commands that act at one time, and `position` is where the redriven record is
    now, as `topic-partition-offset`.
    """

    identity: str
    action: Action
    redrives: int = Field(ge=0)
    by: str
    at: Instant
    why: str | None = None
    run: str = ""
    position: str | None = None
    accept_time: bool = False
    """Whether the rule of late and future is waived for it."""
