"""The work of docproc and of embedding, and nothing else: no Kafka, no store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from services.docproc.chunking import ChunkOptions, chunk
from services.docproc.parsing import Limits, parse
from services.docproc.settings import DocprocSettings
from services.embedding.bootstrap import limits
from services.embedding.local import WordLlamaEmbedder
from services.embedding.settings import EmbeddingSettings
from shared.media_types import sniff

HEAD = 256 * 1024
"""Bytes that tell a file's type."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a pool of parsers did: `pages` counts one for a file of a format without pages."""

    pages: int
    pages_per_second: float


def bare_parsing(files: Sequence[Path]) -> Parsed:
    """With as many processes as docproc has; from the first tenth to the last."""
    media = [(file, sniff(file.read_bytes()[:HEAD], file.name, None)) for file in files]
    with get_context("spawn").Pool(DocprocSettings().parse_workers) as pool:
        done, pages, begun = 0, 0, (0.0, 0)
        for found in pool.imap_unordered(parse_one, media):
            done, pages = done + 1, pages + found
            if done == max(1, len(files) // 10):
                begun = time.perf_counter(), pages
        return Parsed(pages, (pages - begun[1]) / (time.perf_counter() - begun[0]))


def parse_one(file: tuple[Path, str]) -> int:
    extracted = parse(*file, Limits())
    chunk(extracted, ChunkOptions())
    return extracted.page_count or 1


async def bare_embedding(texts: Sequence[str]) -> float:
    """Texts a second, in batches of the service's size, as many at once."""
    bounds, embedder = limits(EmbeddingSettings()), WordLlamaEmbedder()
    size, gate = bounds.batch_records, asyncio.Semaphore(bounds.concurrency)
    batches = [texts[start : start + size] for start in range(0, len(texts), size)]

    async def one(batch: Sequence[str]) -> None:
        async with gate:
            await embedder.embed(batch)

    await one(batches[0])
    started = time.perf_counter()
    await asyncio.gather(*map(one, batches))
    return len(texts) / (time.perf_counter() - started)
