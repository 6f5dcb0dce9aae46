"""One collection of vectors, one model: in a real MongoDB."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.database import Database

from services.db_writer.bootstrap import DOCUMENT_TOPICS, documents_pipeline
from services.db_writer.handlers import Documents
from services.db_writer.models_in_use import RECORDS
from services.db_writer.mongo import MongoStore
from shared.contracts.chunks import EmbeddingReady
from shared.errors import Code, Permanent
from shared.kafka.memory import MemoryBroker
from shared.kafka.records import Outgoing
from shared.topics import EMBEDDINGS_READY
from tests.services.db_writer.samples import Documents as Rows
from tests.services.db_writer.samples import chunks, messages, vectors
from tests.services.db_writer.test_through_the_loop import LIMITS, at_work, drained, letters

pytestmark = pytest.mark.fleet
Mongo = Database[Rows]


def of(model: str, dimensions: int = 2, document: str = "d") -> list[EmbeddingReady]:
    changed = {"model": model, "dimensions": dimensions, "vector": b"\0\0\0\0" * dimensions}
    return [vector.model_copy(update=changed) for vector in vectors(document, 1, 2)]


async def test_the_first_vectors_decide(store: MongoStore, database: Mongo) -> None:
    """Their model and dimensions are recorded; vectors of the same are written, also by other processes."""
    await store.write([], of("m"))
    await store.write([], of("m", document="e"))
    assert list(database[RECORDS].find()) == [{"_id": "embeddings", "model": "m", "dimensions": 2}]
    assert database["embeddings"].count_documents({}) == 4


@pytest.mark.parametrize(("model", "dimensions"), [("n", 2), ("m", 3)])
async def test_another_model_is_refused(store: MongoStore, database: Mongo, model: str, dimensions: int) -> None:
    """Under its own code, in words that name both models and the ways out, before anything of the batch is there."""
    await store.write([], of("m"))
    with pytest.raises(Permanent) as caught:
        await store.write(chunks("e", 1, 2), [*of("m", document="f"), *of(model, dimensions, "e")])
    assert caught.value.code is Code.MODEL_MISMATCH
    for words in ("`m` with 2 dimensions", f"`{model}` with {dimensions} dimensions", "CAUCE_EMBEDDING", RECORDS):
        assert words in str(caught.value)
    assert set(database["embeddings"].distinct("document_id")) == {"d"}
    assert database["chunks"].count_documents({}) == 0


async def test_chunks_are_written_whatever_the_model(store: MongoStore, database: Mongo) -> None:
    """A batch without vectors asks for no model, and records none."""
    await Documents(store).handle(messages(chunks("d", 1, 2)))
    assert database[RECORDS].count_documents({}) == 0


async def test_processes_agree_on_the_first(store: MongoStore, database: Mongo) -> None:
    """Of models that come at the same moment one is recorded, and nothing of any other is written."""
    for attempt in range(10):
        database["embeddings"].delete_many({})
        database[RECORDS].delete_many({})
        writes = [store.write([], of(f"m{number}", document=f"d{number}")) for number in range(4)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert sum(not isinstance(result, Exception) for result in results) == 1, attempt
        (recorded,) = database[RECORDS].find()
        assert database["embeddings"].distinct("model") == [recorded["model"]]


async def test_vectors_from_before_there_were_records_count(store: MongoStore, database: Mongo) -> None:
    """An older database is of the model that its vectors name."""
    await store.write([], of("old"))
    database[RECORDS].drop()
    with pytest.raises(Permanent, match="`old`"):
        await store.write([], of("new", document="e"))
    await store.write([], of("old", document="e"))


async def test_one_wrong_vector_costs_no_other(store: MongoStore, database: Mongo) -> None:
    """Among others it becomes a dead letter by itself, its document fails, and the others are written."""
    broker = MemoryBroker({topic.name: 1 for one in DOCUMENT_TOPICS for topic in (one, one.dlq)})
    for vector in [*of("m"), *of("n", document="e")[:1], *of("m", document="f")]:
        broker.append(Outgoing(EMBEDDINGS_READY.name, vector.document_id.encode(), vector.model_dump_json().encode()))
    pipeline = documents_pipeline(store, LIMITS)
    async with at_work(broker, pipeline):
        await drained(broker, pipeline)
    (letter,) = letters(broker, EMBEDDINGS_READY.name)
    assert letter.header("dlq_error_code") == b"model_mismatch"
    assert database["embeddings"].count_documents({"model": "m"}) == database["embeddings"].count_documents({}) == 4
    assert database["documents"].find_one({"_id": "e"}, {"_id": 0, "state": 1}) == {"state": "failed"}


async def test_a_new_beginning_takes_both(store: MongoStore, database: Mongo) -> None:
    """An emptied collection is still of its model until its record is deleted too."""
    await store.write([], of("old"))
    database["embeddings"].drop()
    with pytest.raises(Permanent):
        await store.write([], of("new"))
    database[RECORDS].delete_one({"_id": "embeddings"})
    await store.write([], of("new"))
    assert database["embeddings"].distinct("model") == ["new"]
