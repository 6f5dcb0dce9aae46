"""What docproc makes of a document, with its real parsing processes and an object store of files."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from services.docproc.chunking import Chunk, ChunkOptions
from services.docproc.folders import Folders
from services.docproc.handlers import Docproc, failed
from services.docproc.pool import Parsed, ParserPool, PoolOptions
from shared.contracts.base import Operation
from shared.contracts.chunks import ChunkProcessed
from shared.contracts.costs import ParsingCost
from shared.contracts.documents import DocumentRaw, DocumentStatus, Receipt, State
from shared.contracts.kinds import Kind
from shared.errors import Code, Permanent, Transient
from shared.kafka.deadletters import Failure
from shared.kafka.records import Message, Partition, Record
from shared.objects import Objects
from shared.texts import text_path

TEXT = b"# Rivers\n\nA bed is where a river lies.\n\n" + b"Water runs. " * 2_000


@pytest.fixture
async def docproc(tmp_path: Path) -> AsyncIterator[Docproc]:
    objects = Objects(f"file://{tmp_path}")
    async with objects.writer("acme/one") as writer:
        await writer.write(TEXT)
    async with objects.writer("acme/blank") as writer:
        await writer.write(b" \n\n ")
    with Folders() as folders:
        async with ParserPool(PoolOptions(workers=1)) as pool:
            yield Docproc(objects, pool, folders, ChunkOptions().fingerprint)


def document(path: str = "acme/one", media_type: str = "text/markdown") -> Message[DocumentRaw]:
    record = Record(Partition("documents.raw", 2), 7, 1_767_323_045_678, b"d", b"{}")
    event = DocumentRaw(
        document_id="7f0c2a43-9d6c-5a7e-8f43-111111111111",
        company_id="acme",
        s3_path=path,
        version=41,
        filename="rivers.md",
        media_type=media_type,
        sha256=hashlib.sha256(TEXT).hexdigest(),
        size_bytes=len(TEXT),
        received_at=record.time,
    )
    return Message(record, event)


async def test_cuts_a_document(docproc: Docproc) -> None:
    """Every chunk says where it stands and how many there are; a status with the counts comes last."""
    *chunks, status = [emit.event for emit in (await docproc.handle([document()])).emits]
    assert all(isinstance(chunk, ChunkProcessed) for chunk in chunks)
    parts = [chunk for chunk in chunks if isinstance(chunk, ChunkProcessed)]
    assert [part.chunk_index for part in parts] == list(range(len(parts)))
    assert {(part.chunk_count, part.chunker) for part in parts} == {(len(parts), ChunkOptions().fingerprint)}
    assert len({part.chunk_id for part in parts}) == len(parts) > 10
    assert parts[0].heading_path == ("Rivers",)
    assert isinstance(status, DocumentStatus)
    assert (status.state, status.counts.chunks) == (State.PROCESSING, len(parts))


async def test_a_second_run_gives_the_same(docproc: Docproc) -> None:
    """A replay cuts at the same places under the same ids."""
    first = [emit.event for emit in (await docproc.handle([document()])).emits][:-1]
    second = [emit.event for emit in (await docproc.handle([document()])).emits][:-1]
    assert first == second


async def test_a_blank_document_fails(docproc: Docproc) -> None:
    """A document without text is refused as empty, not passed on as nothing."""
    with pytest.raises(Permanent) as caught:
        await docproc.handle([document("acme/blank")])
    assert caught.value.code is Code.EMPTY


async def test_a_deletion_removes_the_objects(docproc: Docproc, tmp_path: Path) -> None:
    """All that it names, whether or not they are there; what is replayed of them afterwards is superseded."""
    message = document()
    deletion = message.event.model_copy(update={"operation": Operation.DELETE, "objects": ("acme/one", "acme/never")})
    for _ in range(2):
        (emit,) = (await docproc.handle([Message(message.record, deletion)])).emits
        assert isinstance(emit.event, DocumentStatus)
        assert (emit.event.state, emit.event.receipt) == (State.DELETING, Receipt(objects=2))
    assert not (tmp_path / "acme" / "one").exists()
    (emit,) = (await docproc.handle([message])).emits
    assert isinstance(emit.event, DocumentStatus)
    assert emit.event.state is State.SUPERSEDED


def test_a_failure_is_told_in_the_status() -> None:
    """Beside the dead letter goes a status that a person understands."""
    (emit,) = failed(document(), Failure(Code.ENCRYPTED, "protected by a password", 1, document().record.time))
    assert isinstance(emit.event, DocumentStatus)
    assert emit.event.state is State.FAILED
    assert emit.event.reason is not None
    assert emit.event.reason.code == "encrypted"


async def test_the_text_is_stored_beside_the_original(docproc: Docproc, tmp_path: Path) -> None:
    """It is there when the chunks are handed over, under the chunker's name; their ranges point into it."""
    chunks = [emit.event for emit in (await docproc.handle([document()])).emits][:-1]
    stored = (tmp_path / text_path("acme/one", ChunkOptions().fingerprint)).read_bytes().decode()
    for part in chunks:
        assert isinstance(part, ChunkProcessed)
        assert stored[part.char_start : part.char_end] == part.text
        assert part.text_sha256 == hashlib.sha256(part.text.encode()).hexdigest()
        assert (part.s3_path, part.kind) == ("acme/one", Kind.TEXT)


async def test_a_second_run_stores_the_same_text(docproc: Docproc, tmp_path: Path) -> None:
    """A replay leaves the same bytes at the same place and nothing else."""

    def stored() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (tmp_path / "acme").rglob("*") if path.is_file()}

    await docproc.handle([document()])
    once = stored()
    await docproc.handle([document()])
    assert stored() == once
    assert len(once) == 3


async def test_the_status_tells_what_reading_cost(docproc: Docproc) -> None:
    """The CPU time is measured in the process that read the document, whose wall clock bounds it."""
    began = time.monotonic()
    status = (await docproc.handle([document()])).emits[-1].event
    assert isinstance(status, DocumentStatus)
    cost = status.bill.docproc
    assert cost is not None
    assert (cost.pages, cost.bytes) == (None, len(TEXT))
    assert 0 < cost.cpu_seconds <= time.monotonic() - began


async def test_a_refused_document_leaves_no_text(docproc: Docproc, tmp_path: Path) -> None:
    """Without chunks there is nothing that a text could be for."""
    with pytest.raises(Permanent):
        await docproc.handle([document("acme/blank")])
    assert not list(tmp_path.rglob("*.txt"))


async def test_a_store_that_takes_no_text_is_an_outage(docproc: Docproc, tmp_path: Path) -> None:
    """No chunk is published before its text is stored."""
    (tmp_path / "acme" / "one.text").write_bytes(b"a file where a folder must be")
    with pytest.raises(Transient):
        await docproc.handle([document()])


class _Reading:
    """A pool whose parser reads everything with these gaps."""

    def __init__(self, warnings: tuple[str, ...]) -> None:
        self._warnings = warnings

    async def run(self, path: Path, media_type: str) -> Parsed:
        return Parsed((Chunk(0, "a", 1, 0, 1, (), Kind.TEXT, 1),), b"a", 2, self._warnings, 0.25)


@pytest.mark.parametrize(
    ("warnings", "told"),
    [
        ((), ()),
        (("Page 2 was left out",), ("Page 2 was left out",)),
        (("x" * 1000,), ("x" * 300,)),
        (tuple(map(str, range(25))), (*map(str, range(20)), "5 more warnings")),
    ],
)
async def test_warnings_are_told_in_the_status(
    tmp_path: Path, warnings: tuple[str, ...], told: tuple[str, ...]
) -> None:
    """What could not be read is said with the counts, as much of it as belongs into a status."""
    objects = Objects(f"file://{tmp_path}")
    async with objects.writer("acme/one") as writer:
        await writer.write(TEXT)
    with Folders() as folders:
        handled = await Docproc(objects, cast("ParserPool", _Reading(warnings)), folders, "f1").handle([document()])
    status = handled.emits[-1].event
    assert isinstance(status, DocumentStatus)
    assert status.warnings == told
    assert status.bill.docproc == ParsingCost(pages=2, bytes=len(TEXT), cpu_seconds=0.25)
