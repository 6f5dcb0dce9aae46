"""`make bench-docs`: what a document's hops cost beside the bare work, and how fast documents go through all of them.

docproc, as a process with its parsers, beside a pool of as many processes that parse and cut the same files and do
nothing else; embedding beside the bare model in one process, over the chunks that docproc has made; in turn. Rates of
the services are those of committed records, as the broker tells them, from the first tenth to the last, so that no
start-up counts. Then the whole fleet, from the first upload until the last document is complete; at last a thousand
documents with hostile ones among them, after which nothing may be missing, or grown.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from benchmarks import kinds
from benchmarks.bulk import bulk
from benchmarks.console import say
from benchmarks.documents_bare import HEAD, bare_embedding, bare_parsing
from benchmarks.fleets import running, scratch
from shared.contracts.chunks import ChunkProcessed
from shared.contracts.documents import DocumentRaw
from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, KafkaTail
from shared.kafka.records import Emit, Outgoing, Record, encode
from shared.media_types import sniff
from shared.objects import Objects
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_RAW
from tests.fleet.harness import Fleet

WITHOUT_SERVICES = [
    word
    for name in ("api_gateway", "dashboard", "ingest", "docproc", "embedding", "db_writer", "streaming")
    for word in ("--scale", f"{name}=0")
]
SETS: dict[str, Sequence[str]] = {"tiny": (), "text": (".txt", ".md", ".html", ".csv"), "PDF": (".pdf",), "mixed": ()}
"""Suffixes; none for all kinds. Documents are of some six pages, the tiny ones of less than one."""
PARAGRAPHS = {"tiny": 12}
TIMES_AS_MANY = {"tiny": 5, "text": 2, "mixed": 2}
"""Through one service: seconds of work, since it commits four times a second."""
PATIENCE_S = 600.0
MANY_CHUNKS = 30_000
AT_ONCE = 32
PARSING_AIM, EMBEDDING_AIM = 0.85, 0.8

Rates = dict[str, list[tuple[float, float]]]
"""By set: ours and the bare one, round by round."""


def files_of(kind: str, folder: Path, number: int, first: int) -> list[Path]:
    """So many files of the set, each of other bytes."""
    return kinds.documents(
        folder / str(first), number, first=first, paragraphs=PARAGRAPHS.get(kind, 100), only=SETS[kind]
    )


class Hops:
    """A fleet without services: each is started alone, on what was put into its topic before."""

    def __init__(self, fleet: Fleet, documents: int) -> None:
        self._fleet = fleet
        self._documents = documents
        self._objects = Objects(self._object_store)
        self._first = 0

    @property
    def _kafka(self) -> Connection:
        return self._fleet.kafka

    @property
    def _object_store(self) -> str:
        return f"file://{self._fleet.state_dir / 'objects'}"

    async def compare(self, folder: Path, rounds: int) -> tuple[Rates, Rates]:
        """Pages a second of docproc, chunks a second of embedding; the first round, a warm-up, does not count."""
        pages: Rates = {kind: [] for kind in SETS}
        chunks: Rates = {kind: [] for kind in SETS}
        for number in range(rounds + 1):
            for kind in SETS:
                number_of_files = self._documents * TIMES_AS_MANY.get(kind, 1)
                files = files_of(kind, folder / kind, number_of_files, self._first)
                self._first += number_of_files
                parsed, embedded = await self._round(files)
                say(
                    f"  {f'round {number}' if number else 'warming up'}: {kind}: {_told(parsed)} pages/s, "
                    f"{_told(embedded)} chunks/s"
                )
                if number:
                    pages[kind].append(parsed)
                    chunks[kind].append(embedded)
        return pages, chunks

    async def _round(self, files: Sequence[Path]) -> tuple[tuple[float, float], tuple[float, float]]:
        bare = await asyncio.to_thread(bare_parsing, files)
        began = time.time()
        await self._put(files)
        per_document = await self._measured("docproc", len(files))
        ours = per_document * bare.pages / len(files)
        texts = await self._many_chunks(await self._chunks(began))
        embedding = await self._measured("embedding", len(texts))
        return (ours, bare.pages_per_second), (embedding, await bare_embedding(texts))

    async def _put(self, files: Sequence[Path]) -> None:
        producer = KafkaProducer(self._kafka)
        emits = [Emit(DOCUMENTS_RAW, await self._raw(file)) for file in files]
        await producer.publish(encode(emits, "bench"))
        await producer.stop()

    async def _raw(self, file: Path) -> DocumentRaw:
        content, path = await asyncio.to_thread(file.read_bytes), f"bench/{uuid4()}"
        async with self._objects.writer(path) as writer:
            await writer.write(content)
        return DocumentRaw.model_validate(
            {
                "document_id": str(uuid4()),
                "company_id": "bench",
                "s3_path": path,
                "version": 1,
                "filename": file.name,
                "media_type": sniff(content[:HEAD], file.name, None),
                "sha256": hashlib.sha256(content).hexdigest(),
                "size_bytes": len(content),
                "received_at": "2026-01-02T03:04:05.678Z",
            }
        )

    async def _many_chunks(self, records: Sequence[Record]) -> list[str]:
        """Puts copies of the chunks behind them, since the model is too fast for a few; returns the texts of all."""
        copies = MANY_CHUNKS // len(records)
        producer = KafkaProducer(self._kafka)
        again = [Outgoing(CHUNKS_PROCESSED.name, record.key, record.value) for record in records]
        for _ in range(copies):
            await producer.publish(again)
        await producer.stop()
        return [ChunkProcessed.model_validate_json(record.value or b"").text for record in records] * (copies + 1)

    async def _chunks(self, since: float) -> list[Record]:
        """Those that docproc has made since then, in seconds since 1970."""
        tail, found = KafkaTail(self._kafka, CHUNKS_PROCESSED.name), list[Record]()
        await tail.start(since=since)
        try:
            ends = await tail.end_offsets()
            async for records in tail.records():
                found += records
                if all(position >= ends[place] for place, position in (await tail.positions()).items()):
                    break
        finally:
            await tail.stop()
        return found

    async def _measured(self, service: str, records: int) -> float:
        """Records a second that the service's group commits, from the first tenth of them to the last."""
        async with KafkaAdmin(self._kafka) as admin, asyncio.timeout(PATIENCE_S):
            start, begun = await _at_first(admin, service), None
            with self._running(service) as process:
                while True:
                    done, now = sum((await admin.committed(service)).values()) - start, time.perf_counter()
                    if begun is None and done >= records / 10:
                        begun = now, done
                    if begun is not None and done >= records:
                        return (done - begun[1]) / (now - begun[0])
                    if process.poll() is not None:
                        sys.exit(f"{service} ended by itself, with exit code {process.returncode}")
                    await asyncio.sleep(0.05)

    @contextmanager
    def _running(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        ours = {
            "KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            "CAUCE_OBJECT_STORE_URL": self._object_store,
            "CAUCE_HEALTH_PORT": "0",
            "CAUCE_LOG_LEVEL": "error",
        }
        words = [sys.executable, "-W", "ignore", "-m", f"services.{service}"]
        process = subprocess.Popen(words, env={**os.environ, **ours})
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


# ---- the whole fleet -------------------------------------------------------------------------------------------------


async def through_the_fleet(fleet: Fleet, folder: Path, number_of_each: int, rounds: int) -> dict[str, list[float]]:
    """Documents a second of each set, from the first upload until the last is complete."""
    found: dict[str, list[float]] = {kind: [] for kind in SETS}
    for number in range(rounds + 1):
        for place, kind in enumerate(SETS):
            first = 5_000_000 + number_of_each * (number * len(SETS) + place)
            files = files_of(kind, folder / f"{kind}-{number}", number_of_each, first)
            started = time.monotonic()
            done = await fleet.until_final(await fleet.upload(files, at_once=AT_ONCE))
            rate = len(done) / (time.monotonic() - started)
            if any(document["state"] != "complete" for document in done.values()):
                sys.exit("not every document is complete: the figures mean nothing")
            say(f"  {f'round {number}' if number else 'warming up'}: {kind}: {rate:.1f} documents/s")
            if number:
                found[kind].append(rate)
    return found


async def _at_first(admin: KafkaAdmin, group: str) -> int:
    """The group's committed offsets, added up. A new broker makes its topic for them at the first question."""
    while True:
        try:
            return sum((await admin.committed(group)).values())
        except Transient:
            await asyncio.sleep(0.2)


def _told(pair: tuple[float, float]) -> str:
    return f"{pair[0]:,.0f} (bare {pair[1]:,.0f})"


def show(what: str, rates: Rates, aim: float) -> None:
    say(f"\n  {what}")
    for kind, pairs in rates.items():
        ours, bare = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        ratio = statistics.median(one / other for one, other in pairs)
        say(f"    {kind:<6} Cauce {_range(ours)}   bare {_range(bare)}   ratio {ratio:.2f}   (aim: {aim} or more)")


def _range(values: Sequence[float], form: Callable[[float], str] = "{:,.0f}".format) -> str:
    return f"median {form(statistics.median(values))}, range {form(min(values))} to {form(max(values))}"


def main() -> None:
    for talkative in ("aiokafka", "httpx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--documents", type=int, default=300, help="PDFs in each round; of the smaller ones more")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--bulk", type=int, default=1_000, help="documents in one go, a tenth of them hostile")
    chosen = options.parse_args()
    with scratch() as folder:
        say("starting Kafka; docproc and embedding run by themselves, each in its turn")
        with running(folder / "hops", *WITHOUT_SERVICES) as fleet:
            pages, chunks = asyncio.run(Hops(fleet, chosen.documents).compare(folder / "files", chosen.rounds))
        say("starting the whole fleet")
        with running(folder / "whole") as fleet:
            whole = asyncio.run(through_the_fleet(fleet, folder / "more", chosen.documents, chosen.rounds))
            wrong = asyncio.run(bulk(fleet, folder / "more" / "bulk", chosen.bulk))
    say(f"\n{chosen.documents} documents of each set, {chosen.rounds} rounds in turn")
    show("docproc, pages/s", pages, PARSING_AIM)
    show("embedding, chunks/s", chunks, EMBEDDING_AIM)
    say("\n  the whole fleet, documents/s")
    for kind, values in whole.items():
        say(f"    {kind:<6} {_range(values, '{:.1f}'.format)}")
    if wrong:
        sys.exit("wrong: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
