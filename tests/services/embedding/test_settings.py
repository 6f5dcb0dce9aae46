from __future__ import annotations

import pytest

from services.embedding.bootstrap import embedder
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
