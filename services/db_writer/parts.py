"""Chunks and vectors: which of several versions stays, and when a version is complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from shared.contracts.chunks import Part, status_of_part
from shared.contracts.costs import Bill, EmbeddingCost
from shared.contracts.documents import Counts, DocumentStatus, Reason, Stage, State
from shared.documents import about
from shared.kafka.records import Emit, Message
from shared.topics import DOCUMENTS_STATUS

P = TypeVar("P", bound=Part)


class Version(NamedTuple):
    """One version of one document, as cut by one chunker; an empty one where the parts didn't say."""

    document_id: str
    number: int
    chunker: str = ""

    @staticmethod
    def of(part: Part) -> Version:
        return Version(part.document_id, part.version, part.chunker)

    def is_late(self, current: Version | None) -> bool:
        """Whether readers will never see it, given the document's current one.

        Nothing of the same number is late where the current one's chunker isn't known: its rows may be these.
        """
        if current is None or self.number != current.number:
            return current is not None and self.number < current.number
        return current.chunker not in {"", self.chunker}


class Standing(NamedTuple):
    """What decides which rows of a document are late: its newest complete version, and the version of its deletion."""

    document_id: str
    current: Version | None = None
    tombstone: int | None = None

    def is_late(self, version: Version) -> bool:
        """Whether readers will never see it."""
        deleted = self.tombstone is not None and version.number < self.tombstone
        return deleted or version.is_late(self.current)


class Tally(NamedTuple):
    """How many rows of a version the store holds; what its vectors cost, where each of them says so."""

    chunks: int
    vectors: int
    cost: EmbeddingCost | None = None

    def is_complete(self, chunk_count: int) -> bool:
        return self.chunks == self.vectors == chunk_count


def newest(parts: Iterable[P]) -> list[P]:
    """One part per chunk_id: the one of the greatest version, of equal ones the last; in the order of the ids."""
    kept: dict[str, P] = {}
    for part in parts:
        known = kept.get(part.chunk_id)
        if known is None or part.version >= known.version:
            kept[part.chunk_id] = part
    return [kept[chunk_id] for chunk_id in sorted(kept)]


def last_of_each(messages: Sequence[Message[Part]]) -> dict[Version, Message[Part]]:
    """The message of each version that was written to Kafka last."""
    ordered = sorted(messages, key=lambda message: message.record.timestamp)
    return {Version.of(message.event): message for message in ordered}


def completions(last: Mapping[Version, Message[Part]], tallies: Mapping[Version, Tally]) -> list[Emit]:
    """What is to be said of the versions that now have as many rows as they have chunks."""
    return [
        Emit(DOCUMENTS_STATUS, _complete(message, tallies[version].cost), message.record)
        for version, message in last.items()
        if tallies[version].is_complete(message.event.chunk_count)
    ]


def _complete(message: Message[Part], cost: EmbeddingCost | None) -> DocumentStatus:
    """Tells embedding's cost too: the vectors were made in several batches, maybe by several processes.

    `at` is the record's time, not the clock's: a replay says the same.
    """
    count, at = message.event.chunk_count, message.record.time
    counts, bill = Counts(chunks=count, vectors=count), Bill(embedding=cost)
    return status_of_part(message.event, State.COMPLETE, Stage.DB_WRITER, at, counts=counts, bill=bill)


def failed(message: Message[Part], reason: Reason) -> Emit:
    """The status that goes with the dead letter of a part."""
    status = status_of_part(message.event, State.FAILED, Stage.DB_WRITER, message.record.time, reason=reason)
    return Emit(DOCUMENTS_STATUS, about(status, message.record), message.record)


def redriven(messages: Sequence[Message[Part]]) -> list[Emit]:
    """What is to be said of parts that have come back from the dead letters and are written: their failure is over."""
    return [
        Emit(DOCUMENTS_STATUS, about(_processing(message), message.record), message.record)
        for message in messages
        if message.record.redrives
    ]


def _processing(message: Message[Part]) -> DocumentStatus:
    return status_of_part(message.event, State.PROCESSING, Stage.DB_WRITER, message.record.time)
