"""What is known of a document."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import Instant
from shared.contracts.costs import Bill
from shared.contracts.documents import DELETIONS, Counts, Reason, Receipt, Stage, State
from shared.setbacks import Setback

_STAGES = {stage: place for place, stage in enumerate(Stage)}
_STATES = {
    State.RECEIVED: 0,
    State.PROCESSING: 10,
    State.DELETING: 10,
    State.FAILED: 20,
    State.COMPLETE: 30,
    State.DELETED: 30,
    State.SUPERSEDED: 40,
}
FINAL = frozenset({State.COMPLETE, State.FAILED, State.SUPERSEDED, State.DELETED})

ENDED = frozenset({State.COMPLETE, State.SUPERSEDED, State.DELETED})
"""What no redrive changes any more."""

REMEMBERED_VERSIONS = 10
"""The timeline of a document that changes daily must not grow for ever: it tells of the newest versions."""


def rank(state: State, stage: Stage) -> int:
    """Of one version, the status with the greater rank is the later one."""
    return _STATES[state] + (_STAGES[stage] if state in {State.PROCESSING, State.DELETING} else 0)


class Moment(BaseModel):
    """One step of one version; the first run of a step is the one that is kept."""

    model_config = ConfigDict(frozen=True)

    version: int
    stage: Stage
    state: State
    at: Instant


class Edition(BaseModel):
    """The newest complete content: what readers see, while a newer version may be on its way.

    `chunker` is the fingerprint of what cut it, empty where its parts didn't say; `s3_path` is where the original lies,
    None where they didn't say.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    content_sha256: str
    counts: Counts
    chunker: str = ""
    s3_path: str | None = None


class Held(BaseModel):
    """The stored bytes of one version."""

    model_config = ConfigDict(frozen=True)

    version: int
    s3_path: str


class Document(BaseModel):
    """A document as known from its statuses. `current` is None before the first complete version.

    `tombstone` is the version of its last deletion, kept for ever: nothing older shows, or stays, whatever is replayed.
    `held` are the objects that a deletion would have to remove, of the newest versions.

    `state`, `stage`, `reason` and `updated_at` follow from `progress`, the furthest that the version came, None where
    only failures are known, and from `setbacks`.
    """

    model_config = ConfigDict(frozen=True)

    document_id: str
    company_id: str
    version: int
    state: State
    stage: Stage
    content_sha256: str
    counts: Counts = Counts()
    reason: Reason | None = None
    filename: str | None = None
    name: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    s3_path: str | None = None
    received_at: Instant | None = None
    warnings: tuple[str, ...] = ()
    bill: Bill = Bill()
    updated_at: Instant
    current: Edition | None = None
    timeline: tuple[Moment, ...] = ()
    progress: Moment | None = None
    setbacks: tuple[Setback, ...] = ()
    tombstone: int | None = None
    receipt: Receipt | None = None
    held: tuple[Held, ...] = ()

    @property
    def needed_objects(self) -> set[str]:
        """Of its newest version, and of the one that readers see; none of a deleted document."""
        if self.state in DELETIONS:
            return set()
        versions = {self.version, self.current.version if self.current else None}
        named = {path for path in (self.s3_path, self.current.s3_path if self.current else None) if path}
        return named | {held.s3_path for held in self.held if held.version in versions}

    @property
    def rank(self) -> int:
        return rank(self.state, self.stage)


FACTS = ("filename", "name", "media_type", "size_bytes", "s3_path", "received_at")
