"""Which model a collection of vectors is of: vectors of two models, or of two lengths, can't be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.db_writer.mongo_errors import map_pymongo_errors
from shared.contracts.chunks import EmbeddingReady
from shared.errors import Code, Permanent, Transient

RECORDS = "cauce_models"


class Model(NamedTuple):
    """What the vectors of a collection have in common."""

    name: str
    dimensions: int

    @staticmethod
    def of(vector: EmbeddingReady) -> Model:
        return Model(vector.model, vector.dimensions)

    def __str__(self) -> str:
        return f"`{self.name}` with {self.dimensions} dimensions"


class ModelInUse:
    """The first vectors of an empty collection decide which model it is of; it is recorded before they are written.

    The record is read with each batch, so that all processes go by the same. It outlives its collection: were a dropped
    one of whichever model comes next, two processes could fill it with two.
    """

    def __init__(self, database: Any, collection: str) -> None:
        """`database` is motor's."""
        self._vectors = database[collection]
        self._records = database[RECORDS]
        self._name = collection

    async def check(self, vectors: Sequence[EmbeddingReady]) -> None:
        """Raises Permanent(MODEL_MISMATCH) where one of them is of another model than the collection."""
        if not vectors:
            return
        with map_pymongo_errors():
            recorded = await self._recorded(Model.of(vectors[0]))
        for vector in vectors:
            if (found := Model.of(vector)) != recorded:
                raise Permanent(Code.MODEL_MISMATCH, _advice(self._name, recorded, found))

    async def _recorded(self, first: Model) -> Model:
        """The model that the collection is of; of an empty one it is `first` from now on."""
        row = await self._records.find_one({"_id": self._name})
        if row is None:
            row = await self._record(await self._stored() or first)
        return _model(row)

    async def _record(self, model: Model) -> Any:
        """Unless another process was quicker; then that one's."""
        try:
            return await self._records.find_one_and_update(
                {"_id": self._name},
                {"$setOnInsert": {"model": model.name, "dimensions": model.dimensions}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError as error:
            raise Transient(f"mongodb: another process records the model of `{self._name}`") from error

    async def _stored(self) -> Model | None:
        """Of vectors that were written before models were recorded."""
        row = await self._vectors.find_one({}, ["model", "dimensions"])
        return row and _model(row)


def _model(row: Any) -> Model:
    return Model(row["model"], row["dimensions"])


def _advice(collection: str, recorded: Model, found: Model) -> str:
    return (
        f"the collection `{collection}` holds vectors of {recorded}, and this one is of {found}; vectors of different "
        "models can't be compared. Give embedding its old model back (CAUCE_EMBEDDING_PROVIDER, _MODEL, _DIMENSIONS), "
        f"or begin anew with another one: empty `{collection}`, delete its record in `{RECORDS}`, and embed every "
        "document again (docs/embedding.md)"
    )
