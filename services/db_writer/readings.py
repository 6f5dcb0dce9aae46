"""Clean events of declared streams as documents in MongoDB: of one id the newest stays, whatever the order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.db_writer.mongo import MongoStore
from services.db_writer.newest import NewestStays
from shared.contracts.readings import Reading
from shared.streams.declaration import Stream

OFFSET = "_offset"
"""The second half of a reading's version; the event time is the other. No declared field begins with `_`."""


def collections(streams: Iterable[Stream]) -> dict[str, tuple[IndexModel, ...]]:
    """The allow-list: the collections that are declared, and the indexes by which their readers look."""
    return {stream.readings.collection: _indexes(stream.topic.key) for stream in streams if stream.readings}


def _indexes(key: str | None) -> tuple[IndexModel, ...]:
    newest = IndexModel([("event_time", DESCENDING)])
    return (newest, IndexModel([(key, ASCENDING), ("event_time", DESCENDING)])) if key else (newest,)


def newest(readings: Iterable[Reading]) -> list[Reading]:
    """One per id: the one of the greatest (event time, offset), of equal ones the last; in the order of the ids."""
    kept: dict[str, Reading] = {}
    for reading in readings:
        known = kept.get(reading.id)
        if known is None or _version(reading) >= _version(known):
            kept[reading.id] = reading
    return [kept[reading_id] for reading_id in sorted(kept)]


class ReadingStore:
    """Collections of readings, each with a memory of its own of whether the last batch was new."""

    def __init__(self, mongo: MongoStore) -> None:
        self.database = mongo.database
        self._written: dict[str, NewestStays] = {}

    async def write(self, collection: str, readings: Sequence[Reading]) -> int:
        """Returns how many were left out for newer ones. No id may be there twice. Raises as MongoStore does."""
        if collection not in self._written:
            self._written[collection] = NewestStays(self.database[collection], ("event_time", OFFSET))
        return await self._written[collection].write([document(reading) for reading in readings])


def document(reading: Reading) -> dict[str, Any]:
    """Without the fields that are null, which is the same as missing."""
    fields = {name: value for name, value in reading.fields.items() if value is not None and name[:1] != "_"}
    return {
        "_id": reading.id,
        **fields,
        "event_time": reading.event_time,
        "received_at": reading.received_at,
        "position": reading.position,
        OFFSET: reading.offset,
    }


def _version(reading: Reading) -> tuple[datetime, int]:
    return reading.event_time, reading.offset
