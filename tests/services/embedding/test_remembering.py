from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from services.embedding.cache import VectorCache
from services.embedding.embedder import Asked, Embedded, Keep, keep_nothing
from services.embedding.remembering import Remembering
from shared.errors import Transient


class Counting:
    """Vectors of so many dimensions that begin with the text's length; remembers what it was asked, and fails at the
    text "away" after it has done those before."""

    def __init__(self, model: str = "m", dimensions: int = 3) -> None:
        self.model = model
        self.dimensions = dimensions
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], keep: Keep = keep_nothing) -> Embedded:
        rows = []
        for place, text in enumerate(texts):
            if text == "away":
                raise Transient("away")
            rows.append(np.full((1, self.dimensions), len(text), dtype="<f4"))
            await keep([place], rows[-1])
            self.asked.append(text)
        return Embedded(np.concatenate(rows), [Asked([place], 1) for place in range(len(texts))])


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[VectorCache]:
    opened = VectorCache(tmp_path, 1024**2)
    yield opened
    await opened.close()


async def test_only_new_texts_are_asked_for(cache: VectorCache) -> None:
    """Each once, also where it is in a batch twice; the vectors come in the texts' order, and say which were known."""
    model = Counting()
    embedder = Remembering(model, cache, "s")
    await embedder.embed(["a", "bb"])
    embedded = await embedder.embed(["ccc", "bb", "ccc", "dddd", "a"])
    assert model.asked == ["a", "bb", "ccc", "dddd"]
    assert embedded.vectors[:, 0].tolist() == [3, 2, 3, 4, 1]
    assert [place for asked in embedded.asked for place in asked.places] == [0, 3]
    assert embedded.remembered == {1, 2, 4}
    assert (await embedder.embed(["a", "ccc"])).asked == []


async def test_what_was_paid_for_before_a_failure_is_kept(cache: VectorCache) -> None:
    """A batch that fails half-way is asked for again only from there."""
    model = Counting()
    with pytest.raises(Transient):
        await Remembering(model, cache, "s").embed(["a", "bb", "away"])
    await Remembering(model, cache, "s").embed(["a", "bb", "ccc"])
    assert model.asked == ["a", "bb", "ccc"]


async def test_models_servers_and_dimensions_are_kept_apart(cache: VectorCache) -> None:
    """A vector is only known to the model, of the server and at the dimensions, that it was made with."""
    asked = []
    for model, source, dimensions in (("m", "s", None), ("n", "s", None), ("m", "t", None), ("m", "s", 3)):
        inner = Counting(model)
        await Remembering(inner, cache, source, dimensions).embed(["a"])
        asked.append(inner.asked)
    assert asked == [["a"]] * 4


async def test_a_model_that_changed_its_size_is_asked_anew(cache: VectorCache) -> None:
    """Under the same name it gives longer vectors: none of a batch is of the old length, whatever was known."""
    await Remembering(Counting(), cache, "s").embed(["a", "bb"])
    model = Counting(dimensions=5)
    embedded = await Remembering(model, cache, "s").embed(["a", "bb", "ccc"])
    assert embedded.vectors.shape == (3, 5)
    assert embedded.remembered == frozenset()
    assert model.asked == ["ccc", "a", "bb"]


async def test_known_vectors_of_several_sizes_are_not_trusted(cache: VectorCache) -> None:
    """Nor those of another size than is asked for."""
    await Remembering(Counting(), cache, "s").embed(["a"])
    await Remembering(Counting(dimensions=5), cache, "s").embed(["bb"])
    model = Counting(dimensions=5)
    embedded = await Remembering(model, cache, "s").embed(["a", "bb"])
    assert embedded.vectors.shape == (2, 5)
    await Remembering(Counting(), cache, "s", 5).embed(["a"])
    asked_for = Counting(dimensions=5)
    assert (await Remembering(asked_for, cache, "s", 5).embed(["a"])).vectors.shape == (1, 5)
    assert asked_for.asked == ["a"]
