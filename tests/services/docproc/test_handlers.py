"""What docproc makes of a document, with its real parsing processes and an object store of files."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.docproc.chunking import ChunkOptions
from services.docproc.handlers import Docproc, failed
from services.docproc.pool import ParserPool, PoolOptions
from shared.contracts.base import Operation
from shared.contracts.chunks import ChunkProcessed
from shared.contracts.documents import DocumentRaw, DocumentStatus, Receipt, State
from shared.errors import Code, Permanent
from shared.kafka.deadletters import Failure
from shared.kafka.records import Message, Partition, Record
from shared.objects import Objects

TEXT = b"# Rivers\n\nA bed is where a river lies.\n\n" + b"Water runs. " * 2_000


@pytest.fixture
async def docproc(tmp_path: Path) -> AsyncIterator[Docproc]:
    objects = Objects(f"file://{tmp_path}")
    async with objects.writer("acme/one") as writer:
        await writer.write(TEXT)
    async with objects.writer("acme/blank") as writer:
        await writer.write(b" \n\n ")
    async with ParserPool(PoolOptions(workers=1)) as pool:
        yield Docproc(objects, pool, ChunkOptions().fingerprint)


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
