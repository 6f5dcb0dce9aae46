"""`make bench-e2e`: how many documents a second the whole fleet does, and how long one takes on an idle fleet.

The second is put beside the bare cost of the same work in one process (parse and cut, embed, write), taken in turn with
it, so that a machine that is slow for a while is slow for both.
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pymongo import MongoClient, WriteConcern

from benchmarks.console import say
from benchmarks.fleets import running, scratch
from services.docproc.chunking import ChunkOptions, chunk
from services.docproc.parsing import Limits, parse
from services.embedding.local import WordLlamaEmbedder
from tests.fleet.corpus import corpus
from tests.fleet.harness import Fleet

ROUNDS = 3
DOCUMENTS = 120
AT_ONCE = 32
SINGLES = 60
WARM_UP = 5
AIM_FACTOR, AIM_EXTRA_MS = 3, 100


@dataclass(frozen=True)
class Throughput:
    documents: float
    chunks: float


def main() -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with scratch() as folder:
        say("starting a fleet: docproc and everything else once")
        with running(folder) as fleet:
            asyncio.run(_run(fleet, folder))


async def _run(fleet: Fleet, folder: Path) -> None:
    await fleet.until_final(await fleet.upload(corpus(folder / "warm", 12, first=900_000)))
    rounds = [await _throughput(fleet, folder / str(number), number) for number in range(ROUNDS)]
    fleet_ms, bare_ms = await _latencies(fleet)
    _report(rounds, fleet_ms, bare_ms)


async def _throughput(fleet: Fleet, folder: Path, number: int) -> Throughput:
    files = corpus(folder, DOCUMENTS, first=number * DOCUMENTS)
    started = time.monotonic()
    documents = await fleet.until_final(await fleet.upload(files, at_once=AT_ONCE))
    seconds = time.monotonic() - started
    chunks = sum(document["counts"]["chunks"] for document in documents.values())
    say(f"round {number + 1} of {ROUNDS}: {len(documents)} documents, {chunks} chunks in {seconds:.1f} s")
    return Throughput(len(documents) / seconds, chunks / seconds)


async def _latencies(fleet: Fleet) -> tuple[list[float], list[float]]:
    """Milliseconds of each single document: through the fleet, and bare; in turn."""
    say(f"{SINGLES} texts of 10 kB, one at a time, through the fleet and bare in turn")
    embedder = WordLlamaEmbedder()
    through, bare = [], []
    with fleet.mongo() as client:
        async with fleet.client() as http:
            for _ in range(SINGLES + WARM_UP):
                through.append(await _through_fleet(http, _text()))
                bare.append(await _bare(embedder, client, _text()))
                await asyncio.sleep(0.05)
    return through[WARM_UP:], bare[WARM_UP:]


def _text() -> bytes:
    """10 kB of prose that no other document holds."""
    sentence = "A river keeps to its bed, and a record to its partition; what is late arrives all the same. "
    return f"{uuid4()}\n\n{sentence * 110}".encode()[:10_000]


async def _through_fleet(http: httpx.AsyncClient, text: bytes) -> float:
    started = time.perf_counter()
    answer = await http.post("/upload", files={"file": ("text.txt", text, "text/plain")})
    answer.raise_for_status()
    async with http.stream("GET", answer.json()["events_url"]) as events:
        async for line in events.aiter_lines():
            if line.startswith("data:") and json.loads(line.removeprefix("data:"))["state"] == "complete":
                return (time.perf_counter() - started) * 1000
    raise RuntimeError("the stream of events ended before the document was complete")


async def _bare(embedder: WordLlamaEmbedder, client: MongoClient[dict[str, Any]], text: bytes) -> float:
    """The same work in this process: no topic, no second process, one acknowledged write per collection."""
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(text)
        file.flush()
        started = time.perf_counter()
        chunks = chunk(parse(Path(file.name), "text/plain", Limits()), ChunkOptions())
        vectors = (await embedder.embed([piece.text for piece in chunks])).vectors
        concern = WriteConcern(w="majority", j=True)
        rows = client["bench"].get_collection("rows", write_concern=concern)
        rows.insert_many(
            [{"text": piece.text, "vector": vector.tobytes()} for piece, vector in zip(chunks, vectors, strict=True)],
            ordered=False,
        )
        return (time.perf_counter() - started) * 1000


def _report(rounds: Sequence[Throughput], fleet_ms: list[float], bare_ms: list[float]) -> None:
    say("")
    say(f"mixed set of the examples' formats, {DOCUMENTS} documents, {AT_ONCE} uploads at once, {ROUNDS} rounds")
    _line("documents/s", [one.documents for one in rounds], "{:8.1f}".format)
    _line("chunks/s", [one.chunks for one in rounds], "{:8.1f}".format)
    say("")
    say(f"one text of 10 kB on an idle fleet, from POST to `complete`, {SINGLES} times")
    _percentiles("through the fleet", fleet_ms)
    _percentiles("bare, in one process", bare_ms)
    p50, bound = statistics.median(fleet_ms), AIM_FACTOR * statistics.median(bare_ms) + AIM_EXTRA_MS
    verdict = "met" if p50 <= bound else "missed"
    say(f"aim: p50 within {AIM_FACTOR} x bare + {AIM_EXTRA_MS} ms = {bound:.0f} ms: {verdict} with {p50:.0f} ms")


def _line(name: str, values: list[float], show: Callable[[float], str]) -> None:
    say(f"  {name:<22} median {show(statistics.median(values))}   range {show(min(values))} to {show(max(values))}")


def _percentiles(name: str, values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    say(f"  {name:<22} p50 {cuts[49]:8.1f} ms   p99 {cuts[98]:8.1f} ms   range {min(values):.1f} to {max(values):.1f}")


if __name__ == "__main__":
    main()
