from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from services.embedding.local import WordLlamaEmbedder


@pytest.fixture(scope="module")
def embedder() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


async def test_vectors_are_unit_float32_of_256_dimensions(embedder: WordLlamaEmbedder) -> None:
    """Every text gives one little-endian float32 vector of length 1."""
    vectors = (await embedder.embed(["a cat sat on a mat", "an invoice of May"])).vectors
    assert vectors.shape == (2, 256)
    assert vectors.dtype == np.dtype("<f4")
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


async def test_a_vector_does_not_depend_on_its_company(embedder: WordLlamaEmbedder) -> None:
    """A text embedded alone, with others, and in another place among them has the same vector."""
    texts = ["short", "a much longer text about rivers and the sea " * 40, "middling text of some words", "short"]
    together = (await embedder.embed(texts)).vectors
    alone = np.concatenate([(await embedder.embed([text])).vectors for text in texts])
    assert np.array_equal(together, alone)


async def test_likeness_follows_meaning(embedder: WordLlamaEmbedder) -> None:
    """A text is nearer to one of its subject than to one of another."""
    texts = ["the cat sleeps", "a kitten is sleeping", "annual corporate tax report"]
    cat, kitten, tax = (await embedder.embed(texts)).vectors
    assert cat @ kitten > cat @ tax


async def test_odd_texts_are_embedded(embedder: WordLlamaEmbedder) -> None:
    """White space, other scripts, emoji and a very long text all have a finite vector."""
    vectors = (await embedder.embed([" ", "\u200b", "東京タワー", "🦙🦙", "word " * 20_000])).vectors
    assert np.isfinite(vectors).all()


async def test_the_event_loop_stays_alive(embedder: WordLlamaEmbedder) -> None:
    """While a large batch is embedded the loop still turns, so that heartbeats are sent."""
    longest, last = 0.0, time.monotonic()

    async def tick() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    ticking = asyncio.create_task(tick())
    started = time.monotonic()
    await embedder.embed(["the quick brown fox jumps over the lazy dog " * 20] * 1_000)
    took = time.monotonic() - started
    ticking.cancel()
    assert longest < max(0.5, took / 2)
