"""The checks themselves: each kind of damage is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.kafka.client import KafkaProducer
from shared.kafka.records import Outgoing
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_RAW
from tests.faults.invariants import everything_holds
from tests.faults.load import Load
from tests.faults.seen import quiet
from tests.faults.truth import COLLECTION, TABLE, Truth, new_truth
from tests.faults.world import World

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]


def damages(world: World, truth: Truth, database: Any) -> dict[str, Callable[[], object]]:
    """What is to be found: what is done for it. Each adds to what was done before."""
    mine = {"company_id": truth.company}
    chunk, document = database.chunks.find_one(mine), database.documents.find_one(mine)
    start = truth.first_window.replace(tzinfo=None)
    return {
        "aren't the same ids": lambda: database.embeddings.delete_one({"_id": chunk["_id"]}),
        "of versions": lambda: database.chunks.update_one({"_id": chunk["_id"]}, {"$inc": {"version": -1}}),
        "belong to no document": lambda: database.chunks.insert_one({**chunk, "_id": "o", "document_id": "nobody's"}),
        "nobody sent it": lambda: database.documents.insert_one({**document, "_id": "of-nobody"}),
        "readings: 1 differ": lambda: database[COLLECTION].update_one(
            {"_id": next(iter(truth.readings))}, {"$set": {"value": -1.0}}
        ),
        "window rows: 1 differ": lambda: world.rows(
            f"UPDATE {TABLE} SET count = count - 1 WHERE window_start = %s AND movieId = 1", start
        ),
        "without its effect": lambda: world.rows(f"DELETE FROM {TABLE} WHERE window_start = %s", start),
    }


async def test_damage_is_found(world: World) -> None:
    """A run without a fault holds; after any damage to the stores or the topics the checks name it."""
    truth = await new_truth(world)
    load = Load(world, truth)
    await load.send()
    await load.stop()
    await quiet(world, truth)
    await everything_holds(world, truth)
    with world.mongo() as database:
        for words, damage in damages(world, truth, database).items():
            damage()
            with pytest.raises(AssertionError, match=words):
                await everything_holds(world, truth)
        database.documents.delete_one({"_id": "of-nobody"})


async def test_a_wrong_order_and_a_stray_dead_letter_are_found(world: World) -> None:
    """What overtakes its predecessor in a topic, and a dead letter of a good record, don't go unseen."""
    truth = await new_truth(world)
    headers = tuple(
        (f"dlq_{name}", value)
        for name, value in {
            "source_topic": DOCUMENTS_RAW.name.encode(),
            "source_partition": b"0",
            "source_offset": b"1000000",
            "consumer_group": b"docproc",
            "error_code": b"bug",
        }.items()
    )
    chunk = {"document_id": "d", "chunk_id": "c", "chunk_count": 1}
    values = [json.dumps({**chunk, "version": version}).encode() for version in (2, 1)]
    producer = KafkaProducer(world.kafka)
    await producer.publish([Outgoing(CHUNKS_PROCESSED.name, b"d", value) for value in values])
    await producer.publish([Outgoing(DOCUMENTS_RAW.dlq.name, b"d", b"{}", headers)])
    await producer.stop()
    with pytest.raises(AssertionError) as caught:
        await everything_holds(world, truth)
    assert "went back from (2, 0) to (1, 0)" in str(caught.value)
    assert "a dead letter that nobody expected" in str(caught.value)
