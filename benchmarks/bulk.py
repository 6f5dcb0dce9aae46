"""Documents of all kinds, a tenth of them made to do harm, at full speed through the whole fleet.

Every one of them is accounted for, and nothing grows: on a fleet that has worked for a while, and after the first
third, since what warms up does, such as the threads that wait for the object store.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import kinds
from benchmarks.console import say
from shared.topics import DOCUMENTS_RAW, UPLOADS_RECEIVED
from tests.fleet.harness import Fleet
from tests.fleet.test_documents import whole
from tests.services.docproc.hostile import containers, lures, mails, mislabelled, pages, pdfs, texts, workbooks, xml
from tests.services.docproc.hostile.case import Hostile
from tests.soak.growth import MIB, Sample, Samples, leaks

AT_ONCE = 32
HARMFUL = 0.1
LARGEST = 4 * MIB
"""Of harmful documents; larger ones are for the parsers' own tests."""
MOST_GROWTH = 1.15
PATIENCE_S = 1_800.0
SERVICES = ("api_gateway", "ingest", "docproc", "embedding", "db_writer")
FAMILIES = (containers, xml, workbooks, pdfs, pages, texts, mails, mislabelled)


async def bulk(fleet: Fleet, folder: Path, number: int) -> list[str]:
    """Prints the rate and how they ended; returns what is wrong."""
    hostile = harmful(folder / "harmful", int(HARMFUL * number))
    sound = kinds.documents(folder / "sound", number - len(hostile), first=9_000_000)
    files = [*sound, *hostile]
    random.Random(7).shuffle(files)
    before = _processes(fleet)
    began = time.monotonic()
    async with sampling(fleet) as samples:
        uploads = await fleet.upload(files, at_once=AT_ONCE)
        documents = await fleet.until_final(uploads, seconds=PATIENCE_S)
    rate = len(files) / (time.monotonic() - began)
    failed = {key for key, document in documents.items() if document["state"] == "failed"}
    say(
        f"\n  {len(files)} documents, {len(files) - len(sound)} of them hostile, in one go: {rate:.1f} documents/s; "
        f"{len(documents) - len(failed)} complete, {len(failed)} failed"
    )
    for name, taken in samples.taken.items():
        say(f"    {name:<12} {taken[-1].memory / MIB:>6.0f} MiB, {grown(taken):.2f} times the middle third's")
    ends = {upload.file: documents[upload.document_id]["state"] for upload in uploads}
    wrong = [f"{file.name} is {ends[file]}" for file in sound if ends[file] != "complete"]
    wrong += await unaccounted(fleet, documents, failed)
    wrong += [f"{name} was started again" for name, pid in _processes(fleet).items() if before[name] != pid]
    for name, taken in samples.taken.items():
        wrong += [f"{name}: {leak}" for leak in leaks(taken[len(taken) // 3 :])]
        wrong += [f"{name}: its memory grows"] if grown(taken) > MOST_GROWTH else []
    return wrong


async def unaccounted(fleet: Fleet, documents: dict[str, dict[str, Any]], failed: set[str]) -> list[str]:
    """A complete document has all its chunks and vectors, a failed one a dead letter of ingest's or docproc's."""
    letters = [record for topic in (UPLOADS_RECEIVED, DOCUMENTS_RAW) for record in await whole(fleet, topic.dlq)]
    dead = {record.key.decode() for record in letters if record.key}
    complete = documents.keys() - failed
    chunks = sum(documents[key]["counts"]["chunks"] for key in complete)
    sums = fleet.sums(complete)
    wrong = [f"{key} failed without a dead letter" for key in failed - dead]
    if (sums.chunks, sums.vectors) != (chunks, chunks):
        wrong.append(f"{chunks} chunks were made, {sums.chunks} and {sums.vectors} vectors are stored")
    return wrong


def harmful(folder: Path, number: int) -> list[Path]:
    """Of every family, no two of the same bytes."""
    folder.mkdir(parents=True)
    lures.secret_file()
    cases = [case for family in FAMILIES for case in family.CASES]
    random.Random(7).shuffle(cases)
    try:
        return list(islice(_written(folder, cases), number))
    finally:
        lures.close()


def _written(folder: Path, cases: Sequence[Hostile]) -> Iterator[Path]:
    seen: set[bytes] = set()
    for number, case in enumerate(cases):
        data = case.make()
        if len(data) <= LARGEST and data not in seen:
            seen.add(data)
            path = folder / f"{number:03d}{Path(case.filename).suffix}"
            path.write_bytes(data)
            yield path


def _processes(fleet: Fleet) -> dict[str, int]:
    names = [process.name for process in fleet.state.processes if process.name.partition("-")[0] in SERVICES]
    return {name: fleet.process(name).pid for name in names}


@asynccontextmanager
async def sampling(fleet: Fleet) -> AsyncIterator[Samples]:
    """What the services hold, every two seconds."""
    samples, began = Samples(fleet), time.monotonic()

    async def take() -> None:
        while True:
            await asyncio.to_thread(samples.take, time.monotonic() - began)
            await asyncio.sleep(2)

    task = asyncio.create_task(take())
    try:
        yield samples
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def grown(samples: Sequence[Sample]) -> float:
    """The memory of the last third beside that of the middle one, as medians: 1 is as much."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    return statistics.median(one.memory for one in last) / statistics.median(one.memory for one in middle)
