"""Documents through the real fleet: what goes in comes out, once, whole, and for nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.contracts.chunks import EmbeddingReady
from shared.kafka.client import KafkaTail
from shared.topics import EMBEDDINGS_READY
from tests.fleet.corpus import corpus
from tests.fleet.harness import OTHER_KEY, Fleet
from tests.waiting import until

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]

LOAD = 200


async def test_load_changes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    """200 uploads at 32 at a time all finish, with the counts of a quiet run of the same files."""
    files = corpus(tmp_path, LOAD)
    quiet = await fleet.upload(files, at_once=1, key=OTHER_KEY)
    calm = await fleet.until_final(quiet, key=OTHER_KEY)
    loaded = await fleet.upload(files, at_once=32)
    busy = await fleet.until_final(loaded)
    assert {document["state"] for document in busy.values()} == {"complete"}
    for one, other in zip(quiet, loaded, strict=True):
        assert calm[one.document_id]["counts"] == busy[other.document_id]["counts"], one.file.name
    sums = fleet.sums(busy)
    assert sums == fleet.sums(calm)
    assert sums.documents == LOAD
    assert sums.chunks == sums.vectors == sum(document["counts"]["chunks"] for document in busy.values())


async def test_the_same_files_twice_are_the_same_documents(fleet: Fleet, tmp_path: Path) -> None:
    """A second upload of the same bytes gives the same ids and no new rows."""
    files = corpus(tmp_path, 20)
    first = await fleet.upload(files)
    before = await fleet.until_final(first)
    chunks = sorted(fleet.chunk_ids("chunks", before))
    second = await fleet.upload(files)
    after = await fleet.until_final(second)
    assert [upload.document_id for upload in first] == [upload.document_id for upload in second]
    assert {document["state"] for document in after.values()} == {"complete"}
    assert sorted(fleet.chunk_ids("chunks", after)) == chunks == sorted(fleet.chunk_ids("embeddings", after))


async def test_a_changed_edition_replaces_the_old_one(fleet: Fleet, tmp_path: Path) -> None:
    """After a PUT by name of a changed file only the new content's chunks are there."""
    file = tmp_path / "handbook.md"
    file.write_text("# Handbook\n\n" + "The old rule is blue. " * 400)
    old = await fleet.put("handbook", file)
    await fleet.until_final([old])
    assert len(fleet.texts(old.document_id)) > 1
    file.write_text("# Handbook\n\nThe new rule is green.\n")
    new = await fleet.put("handbook", file)
    (document,) = (await fleet.until_final([new])).values()
    assert new.document_id == old.document_id
    assert new.version > old.version
    assert document["current"]["version"] == new.version
    await until(lambda: len(fleet.texts(new.document_id)) == 1)
    await until(lambda: len(fleet.chunk_ids("embeddings", [new.document_id])) == 1)
    async with fleet.client() as client:
        answer = (await client.get(f"/documents/{new.document_id}/chunks")).json()
    (text,) = [chunk["text"] for chunk in answer["chunks"]]
    assert "The new rule is green." in text


async def test_companies_never_meet(fleet: Fleet, tmp_path: Path) -> None:
    """Two companies that use one name, or one file, have two documents, and neither sees the other's."""
    file = tmp_path / "plan.md"
    file.write_text("# Plan\n\nA plan of one company.\n")
    ours = await fleet.put("plan", file)
    theirs = await fleet.put("plan", file, key=OTHER_KEY)
    assert ours.document_id != theirs.document_id
    await fleet.until_final([ours])
    await fleet.until_final([theirs], key=OTHER_KEY)
    async with fleet.client(OTHER_KEY) as client:
        assert (await client.get(f"/documents/{ours.document_id}")).status_code == 404
        assert (await client.get(f"/documents/{ours.document_id}/chunks")).status_code == 404


async def test_a_failed_document_says_why(fleet: Fleet, tmp_path: Path) -> None:
    """What nobody can read ends failed with a code and a sentence, and with one dead letter."""
    file = tmp_path / "picture.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (document,) = (await fleet.until_final(await fleet.upload([file]))).values()
    assert document["state"] == "failed"
    assert document["reason"]["code"] == "unsupported"
    assert len(document["reason"]["message"]) > 10


async def test_window_counts_add_up(fleet: Fleet, tmp_path: Path) -> None:
    """The windows in MySQL count exactly the distinct (chunk_id, received_at) pairs of the topic."""
    await fleet.until_final(await fleet.upload(corpus(tmp_path, 6)))
    published = len(await published_pairs(fleet))
    assert published
    await until(lambda: counted_in_windows(fleet) == published, seconds=120)


def counted_in_windows(fleet: Fleet) -> int:
    ((total,),) = fleet.rows("SELECT COALESCE(SUM(chunk_count), 0) FROM chunk_counts_1m")
    return int(total)


async def published_pairs(fleet: Fleet) -> set[tuple[str, object]]:
    """Read from the start of the topic to its present end."""
    tail = KafkaTail(fleet.kafka, EMBEDDINGS_READY.name)
    await tail.start(since=0)
    pairs: set[tuple[str, object]] = set()
    try:
        ends = await tail.end_offsets()
        async for records in tail.records():
            events = [EmbeddingReady.model_validate_json(record.value or b"") for record in records]
            pairs |= {(event.chunk_id, event.received_at) for event in events}
            if all(position >= ends[partition] for partition, position in (await tail.positions()).items()):
                break
    finally:
        await tail.stop()
    return pairs
