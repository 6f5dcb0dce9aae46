"""Which records of a version lie in the dead letters, as its statuses tell; whatever their order."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import Instant
from shared.contracts.documents import DocumentStatus, Reason, Stage, State

REMEMBERED_SETBACKS = 100
"""Of a version; those that sort first. More of them are only told apart by `cauce dlq`."""


class Setback(BaseModel):
    """The newest that is known of a record that failed, or was redriven. `source` is empty where an older release's
    status didn't name it."""

    model_config = ConfigDict(frozen=True)

    stage: Stage
    source: str
    attempt: int
    failed: bool
    reason: Reason | None
    at: Instant

    @property
    def key(self) -> tuple[str, str]:
        return self.stage.value, self.source


def setbacks_in(status: DocumentStatus) -> tuple[Setback, ...]:
    """What failed, or was redriven and works."""
    failed = status.state is State.FAILED
    if not failed and not status.attempt:
        return ()
    source, reason = status.source or "", status.reason
    said = Setback(
        stage=status.stage, source=source, attempt=status.attempt, failed=failed, reason=reason, at=status.at
    )
    return (said,)


def merge_setbacks(setbacks: Iterable[Setback]) -> tuple[Setback, ...]:
    """Of each record the newest attempt; of one attempt, the failure: a record may have been handled twice."""
    newest: dict[tuple[str, str], Setback] = {}
    for told in setbacks:
        known = newest.get(told.key)
        newest[told.key] = max(known, told, key=_how_new) if known else told
    return tuple(newest[key] for key in sorted(newest)[:REMEMBERED_SETBACKS])


def _how_new(setback: Setback) -> tuple[int, bool, float]:
    """Of what was said twice, the first time counts."""
    return setback.attempt, setback.failed, -setback.at.timestamp()
