"""MongoDB's collection `logs`: of each topic, the log that the stores' contents came from. db_writer alone writes it;
the gateway reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from services.db_writer.mongo_errors import map_pymongo_errors
from shared.contracts.topics import StoredLog
from shared.topics import UPLOADS_RECEIVED

LOGS = "logs"


class StoredLogs:
    """Every call raises Transient where the server doesn't answer in time."""

    def __init__(self, database: Any) -> None:
        """`database` is motor's."""
        self._logs = database[LOGS]
        self._documents = database["documents"]

    async def all(self) -> dict[str, StoredLog]:
        """By topic."""
        with map_pymongo_errors():
            rows = await self._logs.find().to_list(None)
        return {row["_id"]: _log(row) for row in rows}

    async def put(self, log: StoredLog, instead_of: StoredLog | None) -> bool:
        """Whether what was there was still `instead_of`: else another process was quicker, and nothing is written."""
        row = {"topic_id": log.topic_id, "incarnation": log.incarnation, "ends": _keys(log.ends)}
        with map_pymongo_errors():
            if instead_of is None:
                return await self._insert({"_id": log.topic, **row})
            there = {"_id": log.topic, "topic_id": instead_of.topic_id, "incarnation": instead_of.incarnation}
            done = await self._logs.update_one(there, {"$set": row})
        return bool(done.matched_count)

    async def _insert(self, row: Mapping[str, Any]) -> bool:
        try:
            await self._logs.insert_one(row)
        except DuplicateKeyError:
            return False
        return True

    async def raise_ends(self, told: Mapping[int, Mapping[int, int]]) -> None:
        """`told` is by incarnation and partition. Of another incarnation than the stored one nothing is written; nor is
        anything where the ends are there already, which is looked at each time: a backup may have been put back."""
        if not told:
            return
        with map_pymongo_errors():
            row = await self._logs.find_one({"_id": UPLOADS_RECEIVED.name})
            if row is None:
                return
            known = _log(row)
            ends = told.get(known.incarnation, {})
            risen = {number: end for number, end in ends.items() if end > known.ends.get(number, 0)}
            if risen:
                there = {"_id": known.topic, "topic_id": known.topic_id, "incarnation": known.incarnation}
                places = {f"ends.{number}": end for number, end in risen.items()}
                await self._logs.update_one(there, {"$max": places})

    async def greatest_version(self) -> int | None:
        """That a document has. Looks at all of them: for the first start alone."""
        with map_pymongo_errors():
            rows = await self._documents.find({}, ["version"]).sort("version", DESCENDING).limit(1).to_list(1)
        return rows[0]["version"] if rows else None


def _keys(ends: Mapping[int, int]) -> dict[str, int]:
    """MongoDB's keys are texts."""
    return {str(number): end for number, end in ends.items()}


def _log(row: Mapping[str, Any]) -> StoredLog:
    return StoredLog.model_validate({**row, "topic": row["_id"]})
