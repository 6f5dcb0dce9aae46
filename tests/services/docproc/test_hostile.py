"""Documents made to do harm, each through ingest and docproc: read, or refused with a precise code; no harm done."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from services.docproc.folders import Folders
from services.docproc.parsing import Limits
from services.docproc.pool import ParserPool, PoolOptions
from shared.topics import MIB
from tests.services.docproc.hostile import (
    containers,
    lures,
    mails,
    mislabelled,
    names,
    pages,
    pdfs,
    texts,
    workbooks,
    xml,
)
from tests.services.docproc.hostile.case import RIVER, Hostile, read
from tests.services.docproc.hostile.travel import Road
from tests.services.docproc.test_pool import workers

FAMILIES = (containers, xml, workbooks, pdfs, pages, texts, mails, mislabelled, names)
CASES = [
    pytest.param(case, id=f"{family.__name__.rpartition('.')[2]}: {case.name}")
    for family in FAMILIES
    for case in family.CASES
]
HEALTHY = read("a sound text", "sound.md", f"# Source\n\n{RIVER}\n".encode)
LIMITS = Limits(max_pages=200, max_chars=2_000_000, max_chunks=1_000, max_unpacked_bytes=16 * MIB)
MEMORY = 512 * MIB
LONGEST_REASON = 600

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this process, and so docproc, puts its temporary files."""
    lures.secret_file()
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("temporary"))
    yield Path(tempfile.tempdir)
    tempfile.tempdir = before
    lures.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def road(tmp_path_factory: pytest.TempPathFactory, temporary: Path) -> AsyncIterator[Road]:
    """One pool of one process for all of them, so that each shows what the one before has left behind."""
    options = PoolOptions(workers=1, deadline_seconds=30, memory_bytes=MEMORY, limits=LIMITS)
    with Folders() as folders:
        async with ParserPool(options) as pool:
            yield Road(tmp_path_factory.mktemp("objects"), pool, folders)


@pytest.mark.parametrize("case", CASES)
async def test_it_is_read_or_refused_and_does_no_harm(case: Hostile, road: Road, temporary: Path) -> None:
    """It ends as it should, says so in a few words, shows nothing of the host, reaches no address, leaves no file, and
    the same pool reads a sound document next."""
    there = _files(temporary)
    outcome = await road.take(case)
    if outcome.code is None:
        assert not (case.codes and case.must_be_refused), outcome.text[:200]
        assert [words for words in case.shows if words not in outcome.text] == []
    else:
        assert outcome.code in case.codes, outcome.told
    assert [words for words in case.hides if words in outcome.text or words in outcome.told] == []
    assert len(outcome.told) <= LONGEST_REASON
    assert outcome.told.isprintable()
    assert max(outcome.records) < MIB
    assert sum(map(len, outcome.chunks)) <= LIMITS.max_chars
    assert len(outcome.chunks) <= LIMITS.max_chunks
    assert _files(temporary) == there
    assert lures.visitors() == 0
    assert [peak for peak in map(_peak, workers()) if peak > MEMORY] == []
    assert (await road.take(HEALTHY)).chunks == (f"# Source\n\n{RIVER}",)


def _peak(process: psutil.Process) -> int:
    """The most address space that the process has had, in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmPeak")), 0)


async def test_the_lures_would_be_noticed() -> None:
    """A visitor of the address is counted: that none came above means something."""
    with lures.a_visit():
        assert lures.visitors() == 1
    assert Path(lures.secret_file()).read_text() == lures.SECRET
    lures.close()


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_dir()}
