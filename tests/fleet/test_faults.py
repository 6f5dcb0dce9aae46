"""Services that die at the worst moment: everything finishes all the same, once and whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fleet.corpus import corpus
from tests.fleet.harness import OTHER_KEY, Fleet, Upload
from tests.fleet.test_documents import counted_in_windows, published_pairs
from tests.waiting import until

pytestmark = [pytest.mark.fleet, pytest.mark.faults, pytest.mark.timeout(1200)]

EVERY_SERVICE = ("api_gateway", "ingest", "docproc-1", "docproc-2", "embedding", "db_writer", "streaming")


async def test_every_service_killed_once_under_load(fleet: Fleet, tmp_path: Path) -> None:
    """While 100 documents flow each service is killed once; the counts equal a quiet run's, nothing is there twice."""
    files = corpus(tmp_path, 100)
    quiet = await fleet.until_final(await fleet.upload(files, key=OTHER_KEY), key=OTHER_KEY)
    loading = asyncio.create_task(_trickle(fleet, files))
    for name in EVERY_SERVICE:
        pid = fleet.kill(name)
        await fleet.until_restarted(name, pid)
    uploads = await loading
    killed = await fleet.until_final(uploads, seconds=600)
    assert {document["state"] for document in killed.values()} == {"complete"}
    assert fleet.sums(killed) == fleet.sums(quiet)
    chunks, vectors = fleet.chunk_ids("chunks", killed), fleet.chunk_ids("embeddings", killed)
    assert sorted(chunks) == sorted(vectors)
    assert len(set(chunks)) == len(chunks)
    published = len(await published_pairs(fleet))
    await until(lambda: counted_in_windows(fleet) == published, seconds=180)


async def _trickle(fleet: Fleet, files: list[Path]) -> list[Upload]:
    """Spread over the kills, so that each service dies with work at hand."""
    uploads: list[Upload] = []
    for start in range(0, len(files), 4):
        uploads += await fleet.upload(files[start : start + 4])
        await asyncio.sleep(1.5)
    return uploads


async def test_a_docproc_that_stops_hands_its_work_over(fleet: Fleet, tmp_path: Path) -> None:
    """Two docproc processes share the partitions; with one of them gone for good, the other finishes everything."""
    uploads = await fleet.upload(corpus(tmp_path, 40), at_once=16)
    process = fleet.process("docproc-1")
    process.suspend()  # it neither works nor leaves the group: the harshest way to be gone
    try:
        documents = await fleet.until_final(uploads, seconds=240)
    finally:
        process.resume()
    assert {document["state"] for document in documents.values()} == {"complete"}
