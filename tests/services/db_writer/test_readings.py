"""Clean readings in a real MongoDB."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.db_writer.handlers import Readings
from services.db_writer.mongo import MongoStore
from services.db_writer.readings import ReadingStore, collections, document, newest
from shared.contracts.readings import Reading
from shared.errors import Code, Permanent
from shared.kafka.pipeline import Handled
from shared.streams.loading import load_streams
from tests.services.db_writer.samples import Documents, messages

pytestmark = pytest.mark.fleet
Mongo = Database[Documents]
AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
NAME = "air_readings_clean"


def reading(key: str = "r", second: int = 0, offset: int = 0, *, collection: str = NAME, **fields: Any) -> Reading:
    value = {
        "_collection_name": collection,
        "_id": key,
        "_position": f"sensors.air-0-{offset}",
        "_offset": offset,
        "_event_time": (AT + timedelta(seconds=second)).isoformat(),
        "_received_at": (AT + timedelta(minutes=1)).isoformat(),
        **fields,
    }
    return Reading.model_validate_json(json.dumps(value))


@pytest.fixture
def readings(store: MongoStore) -> ReadingStore:
    return ReadingStore(store)


def offsets(database: Mongo) -> dict[str, int]:
    return {row["_id"]: row["_offset"] for row in database[NAME].find()}


async def test_a_document_holds_the_fields_and_where_they_came_from(readings: ReadingStore, database: Mongo) -> None:
    """Times are dates, whole numbers and fractions stay apart, null is the same as missing, `_` fields stay behind."""
    values: dict[str, Any] = {
        "sensor_id": "s1",
        "value": 2.5,
        "whole": 2**53 + 1,
        "ok": True,
        "unit": None,
        "_later": 1,
    }
    await readings.write(NAME, [reading("r", 0, 7, **values)])
    assert database[NAME].find_one() == {
        "_id": "r",
        "sensor_id": "s1",
        "value": 2.5,
        "whole": 2**53 + 1,
        "ok": True,
        "event_time": AT,
        "received_at": AT + timedelta(minutes=1),
        "position": "sensors.air-0-7",
        "_offset": 7,
    }


async def test_the_latest_event_stays_then_the_greatest_offset(readings: ReadingStore, database: Mongo) -> None:
    """Written one after the other in any order."""
    versions = [(0, 5), (1, 2), (1, 3), (0, 9)]
    for order in itertools.permutations(versions):
        database[NAME].delete_many({})
        for second, offset in order:
            await readings.write(NAME, [reading("r", second, offset)])
        assert offsets(database) == {"r": 3}


async def test_a_replay_changes_nothing(readings: ReadingStore, database: Mongo) -> None:
    """The same batch again leaves the same; what was left out for a newer one is counted."""
    batch = [reading(f"r{place}", 5, place) for place in range(50)]
    assert await readings.write(NAME, batch) == 0
    before = list(database[NAME].find().sort("_id"))
    assert await readings.write(NAME, batch) == 0
    assert await readings.write(NAME, [reading("r1", 4, 99), *batch[2:]]) == 1
    assert list(database[NAME].find().sort("_id")) == before


async def test_writers_side_by_side_leave_the_newest(store: MongoStore, database: Mongo) -> None:
    """Versions of the same readings written at the same moment: none of the newest is taken for superseded."""
    for attempt in range(20):
        stores = [ReadingStore(store) for _ in range(4)]
        writes = [
            stores[version].write(NAME, [reading(f"{attempt}-{place}", version, version) for place in range(20)])
            for version in range(4)
        ]
        random.Random(attempt).shuffle(writes)
        await asyncio.gather(*writes)
    assert set(offsets(database).values()) == {3}
    assert len(offsets(database)) == 400


async def test_the_handler_writes_what_the_topic_says(readings: ReadingStore, database: Mongo) -> None:
    """Several collections and several versions of one id in a batch; a replay leaves the same."""
    batch = [
        reading("a", 0, 1),
        reading("a", 0, 4),
        reading("a", 0, 3),
        reading("a", 0, 1, collection="sound_readings_clean"),
    ]
    handler = Readings(readings, {NAME, "sound_readings_clean"})
    for _ in range(2):
        assert await handler.handle(messages(batch)) == Handled(folded=2)
        assert offsets(database) == {"a": 4}
        assert database["sound_readings_clean"].count_documents({}) == 1


async def test_an_undeclared_collection_is_refused(readings: ReadingStore, database: Mongo) -> None:
    """A message can't name a collection of its own choosing."""
    with pytest.raises(Permanent) as caught:
        await Readings(readings, {NAME}).handle(messages([reading(collection="documents")]))
    assert caught.value.code is Code.UNKNOWN_COLLECTION
    assert database.list_collection_names(filter={"name": NAME}) == []


async def test_what_bson_cannot_hold_is_refused(readings: ReadingStore, database: Mongo) -> None:
    """A whole number beyond 64 bits is the record's own fault."""
    with pytest.raises(Permanent) as caught:
        await readings.write(NAME, [reading(value=2**70)])
    assert caught.value.code is Code.STORE_REJECTED
    assert offsets(database) == {}


async def test_indexes_serve_the_readers(store: MongoStore, database: Mongo) -> None:
    """The newest of all and the newest of one sensor are neither scanned for nor sorted."""
    allowed = collections(load_streams())
    assert set(allowed) == {"air_readings_clean", "sound_readings_clean"}
    for _ in range(2):
        await store.create_indexes(allowed)
    for query in ({}, {"sensor_id": "s1"}):
        plan = str(database[NAME].find(query).sort("event_time", -1).limit(10).explain()["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "'SORT'" not in plan


def test_of_one_id_the_newest_is_kept() -> None:
    """Whatever the order, one reading per id is left; of equal ones the last."""
    early, late, again = reading("r", 0, 9), reading("r", 1, 1), reading("r", 1, 1, value=2.0)
    assert newest([early, late]) == newest([late, early]) == [late]
    assert newest([late, again]) == [again]
    assert document(again)["value"] == 2.0
