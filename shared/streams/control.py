"""`streams.control`: which declaration of each stream is in force, under which epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from shared.contracts.streams import StreamApplied
from shared.errors import Fatal
from shared.kafka.records import Record
from shared.streams.changes import Change, Effect, changes
from shared.streams.declaration import Stream

log = structlog.get_logger()


def fold(records: Iterable[Record], before: Mapping[str, StreamApplied] | None = None) -> dict[str, StreamApplied]:
    """The newest of each stream. A record that can't be read was written by something else: it is passed over."""
    applied = dict(before or {})
    for record in records:
        try:
            event = StreamApplied.model_validate_json(record.value or b"")
        except ValidationError as error:
            log.warning("control record not readable", position=record.position, errors=error.error_count())
            continue
        before_it = applied.get(event.stream)
        # Two commands at once may write in the wrong order: an epoch never goes back.
        if before_it is None or event.epoch >= before_it.epoch:
            applied[event.stream] = event
    return applied


def to_apply(streams: Sequence[Stream], applied: Mapping[str, StreamApplied]) -> list[StreamApplied]:
    """What has to be recorded so that these declarations are in force.

    Raises Fatal, before anything is done, that names each change that is not safe and the way out.
    """
    refusals: list[str] = []
    records: list[StreamApplied] = []
    for stream in streams:
        now = applied.get(stream.name)
        if now is None:
            records.append(_record(stream, 1))
        elif now.declaration != stream.canonical():
            refusals += _refusals(stream, changes(now.declaration, stream))
            records.append(_record(stream, now.epoch, floor=now.floor))
    if refusals:
        raise Fatal("streams: these declarations can't take the place of those in force:\n" + "\n".join(refusals))
    return records


def _refusals(stream: Stream, found: Iterable[Change]) -> list[str]:
    lines = [f"  {stream.name}: {change.what}" for change in found if change.effect is Effect.REFUSED]
    resets = [f"  {stream.name}: {change.what}" for change in found if change.effect is Effect.RESET]
    if resets:
        resets.append(f"  to compute its rows anew under the new declaration: cauce streams reset {stream.name}")
    return lines + resets


def to_reset(
    stream: Stream, applied: Mapping[str, StreamApplied], reason: str | None, floor: int | None = None
) -> StreamApplied:
    """The next epoch of a stream, under its declaration of now. `floor` is as in `StreamApplied`.

    Raises Fatal where the change needs another name.
    """
    now = applied.get(stream.name)
    if now is None:
        raise Fatal(f"`{stream.name}` was never applied, so there is nothing to reset: run `cauce topics apply`")
    refused = [change for change in changes(now.declaration, stream) if change.effect is Effect.REFUSED]
    if refused:
        raise Fatal("streams: a reset can't help here:\n" + "\n".join(_refusals(stream, refused)))
    return _record(stream, now.epoch + 1, reason, floor)


def _record(stream: Stream, epoch: int, reason: str | None = None, floor: int | None = None) -> StreamApplied:
    return StreamApplied(
        stream=stream.name,
        epoch=epoch,
        declaration=stream.canonical(),
        applied_at=datetime.now(UTC),
        reason=reason,
        floor=floor,
    )
