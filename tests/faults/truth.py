"""What is known beforehand of a case: what was sent, and what must become of each of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from shared.kafka.client import offset_ranges
from shared.kafka.records import Partition
from shared.topics import (
    CHUNKS_PROCESSED,
    CONSUMED,
    DOCUMENTS_RAW,
    EMBEDDINGS_READY,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
    UPLOADS_RECEIVED,
)
from tests.faults.world import World

WATCHED = (*(topic.name for topic in CONSUMED), *(topic.dlq.name for topic in CONSUMED))
TABLE, COLLECTION = "movie_metrics_1m", "sound_readings_clean"
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
GROUP_OF = {
    UPLOADS_RECEIVED.name: ("ingest",),
    DOCUMENTS_RAW.name: ("docproc",),
    CHUNKS_PROCESSED.name: ("embedding", "db_writer.documents"),
    EMBEDDINGS_READY.name: ("db_writer.documents",),
    PROCESSED_METRICS.name: ("db_writer.metrics",),
    PROCESSED_READINGS.name: ("db_writer.readings",),
}
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each kind, in each of `waves`, which come `pause` seconds apart; each wave has its bad records."""

    documents: int = 4
    windows: int = 20
    readings: int = 40
    waves: int = 3
    pause: float = 0.3
    bad: bool = True


class Cell(NamedTuple):
    """The version of a window's row, and its value."""

    epoch: int
    counted: int
    average: float


class Measure(NamedTuple):
    """The version of a reading, and its value."""

    event_time: datetime
    offset: int
    value: float


@dataclass(frozen=True, slots=True)
class Expected:
    """Of a document, its newest version's end; `words` are in its text, each once. One that was `repeated` by its
    sender may have a still newer version of the same content."""

    version: int
    sha256: str
    words: tuple[str, ...] = ()
    code: str | None = None
    repeated: bool = False


class Letter(NamedTuple):
    """A dead letter, as the sender of the record can know it beforehand."""

    group: str
    topic: str
    key: str


class Uploaded(NamedTuple):
    """A document's id, and where its bytes belong."""

    document_id: str
    path: Path
    content: bytes


@dataclass
class Truth:
    """What must be there in the end, of one case."""

    company: str
    first_window: datetime
    starts: dict[Partition, int]
    documents: dict[str, Expected] = field(default_factory=dict)
    windows: dict[int, Cell] = field(default_factory=dict)
    readings: dict[str, Measure] = field(default_factory=dict)
    letters: set[Letter] = field(default_factory=set)
    redriven: set[str] = field(default_factory=set)
    """Keys whose order an operator has changed."""


async def new_truth(world: World) -> Truth:
    """Nothing of it can meet another case: company, windows and ids are its own."""
    number = next(_numbers)
    held = await offset_ranges(world.kafka, WATCHED)
    starts = {partition: offsets.stop for partition, offsets in held.items()}
    return Truth(f"company-{uuid4().hex[:8]}", LONG_AGO + timedelta(days=number), starts)
