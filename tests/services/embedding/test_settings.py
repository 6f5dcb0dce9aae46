from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.embedding.bootstrap import embedder, limits
from services.embedding.local import WordLlamaEmbedder
from services.embedding.remote import OpenAIEmbedder
from services.embedding.settings import EmbeddingSettings
from shared.errors import Fatal
from shared.settings import load


async def test_wordllama_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any setting the vectors are made here, with no key."""
    monkeypatch.delenv("CAUCE_EMBEDDING_PROVIDER", raising=False)
    async with embedder(load(EmbeddingSettings)) as built:
        assert isinstance(built, WordLlamaEmbedder)


async def test_openai_is_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provider, model, key and address come from their variables."""
    monkeypatch.setenv("CAUCE_EMBEDDING_PROVIDER", "openai")
    monkeypatch.setenv("CAUCE_EMBEDDING_MODEL", "my-model")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    settings = load(EmbeddingSettings)
    assert "secret" not in repr(settings)
    async with embedder(settings) as built:
        assert isinstance(built, OpenAIEmbedder)
        assert built.model == "my-model"


def test_openai_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing key is named at the start, not at the first document."""
    monkeypatch.setenv("CAUCE_EMBEDDING_PROVIDER", "openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Fatal, match="OPENAI_API_KEY"):
        load(EmbeddingSettings)


def test_batches_are_as_the_provider_likes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API is asked for more at once than a processor; what is set counts for both."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    seen = []
    for provider, batch in (("wordllama", None), ("openai", None), ("openai", "7")):
        monkeypatch.setenv("CAUCE_EMBEDDING_PROVIDER", provider)
        if batch:
            monkeypatch.setenv("CAUCE_EMBEDDING_BATCH_RECORDS", batch)
        found = limits(load(EmbeddingSettings))
        seen.append((found.batch_records, found.concurrency))
    assert seen == [(64, 4), (256, 8), (7, 8)]


async def test_vectors_are_remembered_where_there_is_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also by the next process, and they are the same."""
    monkeypatch.delenv("CAUCE_EMBEDDING_PROVIDER", raising=False)
    monkeypatch.setenv("CAUCE_EMBEDDING_CACHE_DIR", str(tmp_path))
    embedded = []
    for _ in range(2):
        async with embedder(load(EmbeddingSettings)) as built:
            embedded.append(await built.embed(["a text", "another"]))
    assert [one.remembered for one in embedded] == [frozenset(), frozenset({0, 1})]
    assert np.array_equal(embedded[0].vectors, embedded[1].vectors)
