"""Clean events of declared streams as documents in MongoDB: of one id the newest stays, whatever the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne
from pymongo.errors import BulkWriteError

from services.db_writer.mongo import MongoStore, map_pymongo_errors, only_duplicates
from shared.contracts.readings import Reading
from shared.streams.declaration import Stream

OFFSET = "_offset"
"""The second half of a reading's version; the event time is the other. No declared field begins with `_`."""
Version = tuple[datetime, int]


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
    """Inserts where the last batch was new, which is three times as fast; replaces under guard where it was known."""

    def __init__(self, mongo: MongoStore) -> None:
        self._database = mongo.database
        self._known: dict[str, bool] = {}

    async def write(self, collection: str, readings: Sequence[Reading]) -> int:
        """Returns how many were left out for newer ones. No id may be there twice. Raises as MongoStore does."""
        known = self._known.get(collection, False)
        with map_pymongo_errors():
            left = list(readings) if known else await self._insert(collection, readings)
            added, superseded = await self._replace(collection, left)
        there_before = len(left) - added
        self._known[collection] = 2 * there_before > len(readings)
        return superseded

    async def _insert(self, collection: str, readings: Sequence[Reading]) -> list[Reading]:
        """Returns those whose id was there."""
        try:
            await self._database[collection].insert_many([document(reading) for reading in readings], ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            return _met_duplicates(error, readings)
        return []

    async def _replace(self, collection: str, readings: list[Reading]) -> tuple[int, int]:
        """How many were added, and how many left out.

        A duplicate key means that a newer one is there, or that two writers added one at once: the latter is tried
        again.
        """
        added, superseded, waiting = 0, 0, readings
        while waiting:
            upserted, refused = await self._upsert(collection, waiting)
            stored = await self._versions(collection, refused)
            waiting = [reading for reading in refused if stored.get(reading.id, _version(reading)) <= _version(reading)]
            added, superseded = added + upserted, superseded + len(refused) - len(waiting)
        return added, superseded

    async def _upsert(self, collection: str, readings: Sequence[Reading]) -> tuple[int, list[Reading]]:
        """How many were added, and those that met a duplicate key."""
        try:
            done = await self._database[collection].bulk_write(
                [_guarded(reading) for reading in readings], ordered=False
            )
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            return error.details["nUpserted"], _met_duplicates(error, readings)
        return done.upserted_count, []

    async def _versions(self, collection: str, readings: Sequence[Reading]) -> Mapping[str, Version]:
        if not readings:
            return {}
        ids = [reading.id for reading in readings]
        found = await self._database[collection].find({"_id": {"$in": ids}}, ["event_time", OFFSET]).to_list(None)
        return {row["_id"]: (row["event_time"], row[OFFSET]) for row in found}


def document(reading: Reading) -> dict[str, Any]:
    """Without the fields that are null, which is the same as missing."""
    fields = {name: value for name, value in reading.fields.items() if value is not None and not name.startswith("_")}
    return {
        "_id": reading.id,
        **fields,
        "event_time": reading.event_time,
        "received_at": reading.received_at,
        "position": reading.position,
        OFFSET: reading.offset,
    }


def _version(reading: Reading) -> Version:
    return reading.event_time, reading.offset


def _guarded(reading: Reading) -> Any:
    earlier = {"event_time": {"$lt": reading.event_time}}
    not_later = {"event_time": reading.event_time, OFFSET: {"$lte": reading.offset}}
    return ReplaceOne({"_id": reading.id, "$or": [earlier, not_later]}, document(reading), upsert=True)


def _met_duplicates(error: BulkWriteError, readings: Sequence[Reading]) -> list[Reading]:
    return [readings[item["index"]] for item in error.details["writeErrors"]]
