"""A thousand documents of all kinds, a tenth of them made to do harm, at full speed through the real fleet."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from pathlib import Path

import pytest

from shared.topics import DOCUMENTS_RAW
from tests.fleet.corpus import corpus
from tests.fleet.harness import Fleet
from tests.fleet.test_documents import whole
from tests.services.docproc.hostile import containers, lures, mails, mislabelled, pages, pdfs, texts, workbooks, xml
from tests.services.docproc.hostile.case import Hostile
from tests.soak.growth import MIB, Sample, Samples, leaks

pytestmark = [pytest.mark.fleet, pytest.mark.faults, pytest.mark.timeout(1800)]

SOUND, HOSTILE = 900, 100
AT_ONCE = 32
LARGEST = 4 * MIB
"""Of hostile documents: larger ones are for the parsers' own tests."""
MOST_GROWTH = 1.15
FAMILIES = (containers, xml, workbooks, pdfs, pages, texts, mails, mislabelled)


async def test_a_thousand_documents(fleet: Fleet, tmp_path: Path) -> None:
    """Each ends as complete, with every chunk and vector, or as failed, with a dead letter; the sound ones all
    complete; no service dies, or grows from the middle third to the last."""
    lures.secret_file()
    sound, harmful = corpus(tmp_path / "sound", SOUND, first=900_000), hostile(tmp_path / "hostile")
    files = sound + harmful
    random.Random(7).shuffle(files)
    processes = {
        name: fleet.process(name).pid for name in ("ingest", "docproc-1", "docproc-2", "embedding", "db_writer")
    }
    began = time.monotonic()
    async with sampling(fleet) as samples:
        uploads = await fleet.upload(files, at_once=AT_ONCE)
        documents = await fleet.until_final(uploads, seconds=1200)
    seconds = time.monotonic() - began
    ends = {upload.file: documents[upload.document_id] for upload in uploads}
    assert [file.name for file in sound if ends[file]["state"] != "complete"] == []
    assert {ends[file]["state"] for file in harmful} == {"complete", "failed"}
    failed = {key for key, document in documents.items() if document["state"] == "failed"}
    assert failed == failed & await dead(fleet)
    complete = documents.keys() - failed
    chunks = sum(documents[key]["counts"]["chunks"] for key in complete)
    sums = fleet.sums(complete)
    assert (sums.documents, sums.chunks, sums.vectors) == (len(complete), chunks, chunks)
    assert {name: fleet.process(name).pid for name in processes} == processes
    assert {name: found for name, taken in samples.taken.items() if (found := leaks(taken))} == {}
    assert {name: growth for name, taken in samples.taken.items() if (growth := grown(taken)) > MOST_GROWTH} == {}
    print(
        f"{len(files)} documents, {len(failed)} of them failed, {chunks} chunks: {len(files) / seconds:.1f} documents/s"
    )


def hostile(folder: Path) -> list[Path]:
    """Of every family, no two of the same bytes."""
    folder.mkdir()
    cases = [case for family in FAMILIES for case in family.CASES]
    random.Random(7).shuffle(cases)
    return list(islice(written(folder, cases), HOSTILE))


def written(folder: Path, cases: list[Hostile]) -> Iterator[Path]:
    seen: set[bytes] = set()
    for number, case in enumerate(cases):
        data = case.make()
        if len(data) <= LARGEST and data not in seen:
            seen.add(data)
            path = folder / f"{number:03d}{Path(case.filename).suffix}"
            path.write_bytes(data)
            yield path


async def dead(fleet: Fleet) -> set[str]:
    """The documents that docproc has a dead letter of."""
    return {record.key.decode() for record in await whole(fleet, DOCUMENTS_RAW.dlq) if record.key}


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


def grown(samples: list[Sample]) -> float:
    """The memory of the last third beside that of the middle one, as medians: 1 is as much."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    return statistics.median(one.memory for one in last) / statistics.median(one.memory for one in middle)
