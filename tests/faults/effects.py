"""Whether what lies below a committed offset has its effect: at any moment, also while a service is dead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from shared.contracts.base import format_instant
from shared.kafka.records import Record
from shared.topics import (
    CHUNKS_PROCESSED,
    DOCUMENTS_RAW,
    EMBEDDINGS_READY,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
    UPLOADS_RECEIVED,
)
from tests.faults.seen import Found, committed, dead_letters, events, records_of
from tests.faults.truth import COLLECTION, TABLE, Truth
from tests.faults.world import World


async def offsets_not_ahead(world: World, truth: Truth, found: Found | None = None) -> list[str]:
    """Whatever lies below a committed offset has its effect, at any moment: also while the service is dead."""
    marks = await committed(world)
    found = found or await records_of(world, truth)
    effects = _Effects(world, truth, found)
    return [
        f"{group} committed {record.position} without its effect"
        for group, done in effects.by_group.items()
        for topic, has_effect in done.items()
        for record in found.get(topic, ())
        if record.offset < marks[group].get(record.partition, 0)
        and not effects.is_settled(group, record)
        and not _holds(has_effect, record)
    ]


def _holds(has_effect: Callable[[Record], bool], record: Record) -> bool:
    """What is no message at all has no effect but its dead letter."""
    try:
        return has_effect(record)
    except (ValueError, KeyError):
        return False


class _Effects:
    """Whether a record's effect is there, for each group and topic."""

    def __init__(self, world: World, truth: Truth, found: Found) -> None:
        self._letters = dead_letters(found)
        self._raw = {(e["document_id"], e["version"]) for e in events(found.get(DOCUMENTS_RAW.name, []))}
        chunks = list(events(found.get(CHUNKS_PROCESSED.name, [])))
        self._cut = Counter({(e["document_id"], e["version"], e["chunk_id"]): 1 for e in chunks})
        self._counts = {(e["document_id"], e["version"]): e["chunk_count"] for e in chunks}
        self._vectors = {(e["chunk_id"], e["version"]) for e in events(found.get(EMBEDDINGS_READY.name, []))}
        with world.mongo() as database:
            mine = {"company_id": truth.company}
            self._rows = {
                name: {row["_id"]: row["version"] for row in database[name].find(mine, ["version"])}
                for name in ("chunks", "embeddings")
            }
            self._current = {
                row["_id"]: (row["current"] or {}).get("version", -1) for row in database.documents.find(mine)
            }
            readings = database[COLLECTION].find({"_id": {"$regex": f"^{truth.company}-"}}, ["event_time", "_offset"])
            self._readings = {row["_id"]: (row["event_time"], row["_offset"]) for row in readings}
        query = f"SELECT movieId, _epoch, count FROM {TABLE} WHERE window_start = %s"
        self._window = format_instant(truth.first_window)
        start = truth.first_window.replace(tzinfo=None)
        self._windows = {film: (epoch, counted) for film, epoch, counted in world.rows(query, start)}
        self.by_group = {
            "ingest": {UPLOADS_RECEIVED.name: self._described},
            "docproc": {DOCUMENTS_RAW.name: self._chunked},
            "embedding": {CHUNKS_PROCESSED.name: self._embedded},
            "db_writer.documents": {
                CHUNKS_PROCESSED.name: lambda record: self._written("chunks", record),
                EMBEDDINGS_READY.name: lambda record: self._written("embeddings", record),
            },
            "db_writer.metrics": {PROCESSED_METRICS.name: self._counted},
            "db_writer.readings": {PROCESSED_READINGS.name: self._read},
        }

    def is_settled(self, group: str, record: Record) -> bool:
        """By a dead letter, or since it is another group's redrive."""
        if record.target_group not in (None, group):
            return True
        return (group, (*record.first.partition, record.first.offset)) in self._letters

    def _described(self, record: Record) -> bool:
        event = json.loads(record.value or b"")
        return (event["document_id"], event.get("base", 0) + record.offset) in self._raw

    def _chunked(self, record: Record) -> bool:
        event = json.loads(record.value or b"")
        version = (event["document_id"], event["version"])
        return version in self._counts and self._counts[version] == sum(key[:2] == version for key in self._cut)

    def _embedded(self, record: Record) -> bool:
        event = json.loads(record.value or b"")
        return (event["chunk_id"], event["version"]) in self._vectors

    def _written(self, collection: str, record: Record) -> bool:
        """Or it is gone again, since a newer version is complete."""
        event = json.loads(record.value or b"")
        newer = self._current.get(event["document_id"], -1) > event["version"]
        return bool(newer or self._rows[collection].get(event["chunk_id"], -1) >= event["version"])

    def _counted(self, record: Record) -> bool:
        """Of the load's own rows; those that Spark writes in some cases are of another time."""
        event = json.loads(record.value or b"")
        if event["window_start"] != self._window:
            return True
        return self._windows.get(event["movieId"], (0, 0)) >= (event["_epoch"], event["count"])

    def _read(self, record: Record) -> bool:
        event = json.loads(record.value or b"")
        stored = self._readings.get(event["_id"])
        return stored is not None and bool(stored[1] >= event["_offset"])
