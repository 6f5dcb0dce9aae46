"""Documents through the real fleet: what goes in comes out, once, whole, and for nobody else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.contracts.chunks import EmbeddingReady
from shared.kafka.client import KafkaProducer, KafkaTail
from shared.kafka.records import Outgoing, Record
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_RAW, EMBEDDINGS_READY, Topic
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


async def test_a_bill_says_what_each_stage_took(fleet: Fleet, tmp_path: Path) -> None:
    """Bytes and CPU time of reading, the tokens of all chunks; a text that is known by now costs no tokens again."""
    file = tmp_path / "bill.md"
    file.write_text("# Bill\n\n" + "".join(f"Sentence {number} of a bill that is new. " for number in range(400)))
    first = await fleet.put("bill", file)
    bill = (await fleet.until_final([first]))[first.document_id]["bill"]
    assert bill["docproc"]["bytes"] == file.stat().st_size
    assert bill["docproc"]["cpu_seconds"] > 0
    assert bill["embedding"]["tokens"] == sum(row["token_count"] for row in fleet.texts(first.document_id))
    assert bill["embedding"]["cache_hits"] == 0
    file.write_text(file.read_text() + "\n\n# Later\n\nOne more sentence.\n")
    again = await fleet.put("bill", file)
    document = (await fleet.until_final([again]))[again.document_id]
    assert 0 < document["bill"]["embedding"]["tokens"] < bill["embedding"]["tokens"] / 2
    assert document["bill"]["embedding"]["cache_hits"] == document["counts"]["chunks"] - 1


def test_the_command_that_deletes_shows_the_receipt(fleet: Fleet, tmp_path: Path) -> None:
    """By the document's name; once it is deleted the same words say the same, and an unknown name is an error."""
    file = tmp_path / "away.md"
    file.write_text("# Away\n\n" + "A sentence that is to go. " * 300)
    code, said = fleet.cauce("upload", "--name", "away", str(file))
    assert code == 0, said
    receipts = [fleet.cauce("delete", "--name", "away") for _ in range(2)]
    assert receipts[0] == receipts[1]
    code, said = receipts[0]
    assert code == 0, said
    assert re.search(
        r"away: deleted: stored files: 1, chunks: (\d+), vectors: \1; Kafka's topics forget it by 20", said
    )
    code, said = fleet.cauce("delete", "--name", "never there")
    assert code == 1
    assert "404" in said


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


async def test_a_deleted_document_is_gone_and_stays_away(fleet: Fleet, tmp_path: Path) -> None:
    """Its rows and bytes go, the receipt says how many; its twin stays; replayed records of it bring nothing back."""
    file = tmp_path / "note.md"
    file.write_text("# Note\n\n" + "A sentence that stands in two documents. " * 300)
    one, twin = await fleet.put("one", file), await fleet.put("twin", file)
    before = await fleet.until_final([one, twin])
    chunks = before[one.document_id]["counts"]["chunks"]
    async with fleet.client() as client:
        assert (await client.delete("/documents/by-name/one")).status_code == 202
        assert (await client.get(f"/documents/{one.document_id}/chunks")).json()["chunks"] == []
    gone = (await fleet.until_final([one]))[one.document_id]
    assert gone["state"] == "deleted"
    receipt = {name: gone["receipt"][name] for name in ("objects", "chunks", "vectors")}
    assert receipt == {"objects": 1, "chunks": chunks, "vectors": chunks}
    await replay(fleet, one.document_id)
    file.write_text("# Note\n\nAnother text.\n")
    again = await fleet.put("one", file)
    assert (await fleet.until_final([again]))[again.document_id]["state"] == "complete"
    for collection in ("chunks", "embeddings"):
        assert len(fleet.chunk_ids(collection, [one.document_id])) == 1
        assert len(fleet.chunk_ids(collection, [twin.document_id])) == chunks


async def test_the_example_tells_what_became_of_documents(fleet: Fleet, tmp_path: Path) -> None:
    """`examples/on_document.py` prints a line for one that is complete, one that failed and one that was deleted."""
    good, bad = tmp_path / "good.md", tmp_path / "picture.png"
    good.write_text("# Good\n\nA text for the example.\n")
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    complete, failed = await fleet.upload([good, bad])
    await fleet.until_final([complete, failed])
    async with fleet.client() as client:
        await client.delete(f"/documents/{complete.document_id}")
    await fleet.until_final([complete])
    expected = {
        f"complete {complete.document_id} version {complete.version}: 1 chunks",
        f"failed   {failed.document_id} version {failed.version}: unsupported",
        f"deleted  {complete.document_id}",
    }
    with example(fleet, tmp_path / "said") as said:
        await until(lambda: all(line in said.read_text() for line in expected))


@contextmanager
def example(fleet: Fleet, said: Path) -> Iterator[Path]:
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": fleet.kafka.bootstrap_servers}
    with said.open("w") as file:
        process = subprocess.Popen([sys.executable, "examples/on_document.py"], stdout=file, env=environment)
        try:
            yield said
        finally:
            process.kill()
            process.wait()


async def replay(fleet: Fleet, document_id: str) -> None:
    """Every record of the document once more, as it was; a later upload of it comes behind them on every hop."""
    producer = KafkaProducer(fleet.kafka)
    for topic in (DOCUMENTS_RAW, CHUNKS_PROCESSED, EMBEDDINGS_READY):
        mine = [record for record in await whole(fleet, topic) if record.key == document_id.encode()]
        assert mine
        await producer.publish([Outgoing(topic.name, record.key, record.value, record.headers) for record in mine])
    await producer.stop()


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
    records = await whole(fleet, EMBEDDINGS_READY)
    events = [EmbeddingReady.model_validate_json(record.value or b"") for record in records]
    return {(event.chunk_id, event.received_at) for event in events}


async def whole(fleet: Fleet, topic: Topic) -> list[Record]:
    """The topic from its start to its present end."""
    tail = KafkaTail(fleet.kafka, topic.name)
    await tail.start(since=0)
    found: list[Record] = []
    try:
        ends = await tail.end_offsets()
        async for records in tail.records():
            found += records
            if all(position >= ends[partition] for partition, position in (await tail.positions()).items()):
                break
    finally:
        await tail.stop()
    return found
