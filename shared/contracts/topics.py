"""`topics.control`: which incarnation of a topic is in force; and what the store says of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.base import Event, Instant

OFFSETS_PER_INCARNATION = 2**40
"""More than a partition ever reaches. Versions stay below 2**53, which every JSON client reads exactly, for the first
8,192 incarnations."""


class TopicAdopted(Event):
    """Keyed by topic; the newest record is the valid one. `topic_id` is the UUID that Kafka gave the topic when it was
    made: another one is another log, whose offsets begin again at 0.

    `incarnation` counts the logs that a topic has had, a cut one included: versions made of offsets grow with it.
    `since` is when this log began, as far as Cauce knows: what was written before is not in it.
    `stored` says that db_writer has put the incarnation beside the versions in the store. Until then nobody can know
    whether the store holds versions of a later one, so that the gateway accepts no upload.
    """

    topic: str
    topic_id: str
    incarnation: int = Field(default=0, ge=0, lt=2**13)
    since: Instant | None = None
    stored: bool = False
    adopted_at: Instant
    reason: str | None = None

    @property
    def base(self) -> int:
        """What is added to an offset of this incarnation to make a version."""
        return self.incarnation * OFFSETS_PER_INCARNATION


def incarnation_of(version: int) -> int:
    """The incarnation of `uploads.received` that a version was made in."""
    return version // OFFSETS_PER_INCARNATION


def offset_of(version: int) -> int:
    """The offset in `uploads.received` that a version was made of."""
    return version % OFFSETS_PER_INCARNATION


class StoredLog(BaseModel):
    """What a store says of the topic that its contents came from: a document of MongoDB's collection `logs`, which
    db_writer writes, with the topic as `_id`. `ends` is, by partition of `uploads.received`, the offset after the
    greatest that a version of this incarnation was made of."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    topic: str
    topic_id: str
    incarnation: int = 0
    ends: dict[int, int] = Field(default_factory=dict)
