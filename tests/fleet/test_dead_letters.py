"""Dead letters on the real fleet: seen, mended, put back, and given up for good."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from compose.local.settings import Layout
from shared.contracts import ids
from shared.contracts.dead_letters import Action, DeadLetterAction
from shared.contracts.uploads import UploadReceived
from shared.kafka.client import KafkaProducer, offset_ranges, read_from
from shared.kafka.records import Emit, Outgoing, Record, encode
from shared.objects import Objects
from shared.topics import DLQ_ACTIONS, UPLOADS_RECEIVED
from tests.fleet.harness import OTHER_KEY, Fleet, Upload
from tests.waiting import until

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]


class Desk:
    """Uploads whose bytes aren't there, and what an operator does about them."""

    def __init__(self, fleet: Fleet, producer: KafkaProducer) -> None:
        self.fleet = fleet
        self._producer = producer
        self._objects = Objects(f"file://{Layout(fleet.state_dir).objects}")

    async def announce(self, name: str, text: str) -> tuple[Upload, str]:
        """As the gateway announces an upload, but the bytes are not stored; returns where they should be, too."""
        content, path = text.encode(), f"demo/{uuid4().hex}"
        upload = UploadReceived(
            document_id=ids.named_document_id("demo", name),
            company_id="demo",
            s3_path=path,
            filename=f"{name}.md",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            name=name,
        )
        [written] = await self._producer.publish(encode([Emit(UPLOADS_RECEIVED, upload)], "test"))
        return Upload(Path(f"{name}.md"), upload.document_id, written.offset), path

    async def publish(self, outgoing: Outgoing) -> None:
        await self._producer.publish([outgoing])

    async def store(self, path: str, text: str) -> None:
        async with self._objects.writer(path) as writer:
            await writer.write(text.encode())

    async def begin(self, identity: str) -> None:
        """The newest word is that somebody began a redrive two minutes ago."""
        at = datetime.now(UTC) - timedelta(minutes=2)
        said = DeadLetterAction(identity=identity, action=Action.REDRIVE, redrives=1, by="killed", at=at, run="killed")
        await self._producer.publish(encode([Emit(DLQ_ACTIONS, said)], "test"))

    def dlq(self, *words: str) -> str:
        code, said = self.fleet.cauce("dlq", *words)
        assert code == 0, said
        return said

    def listed(self, document_id: str, state: str = "undone") -> list[dict[str, Any]]:
        letters: list[dict[str, Any]] = json.loads(self.dlq("list", "--key", document_id, "--state", state, "--json"))
        return letters

    async def document(self, document_id: str) -> dict[str, Any]:
        async with self.fleet.client() as client:
            return dict((await client.get(f"/documents/{document_id}")).json())

    async def redriven(self, document_id: str) -> list[Record]:
        """Records of the document that came back to `uploads.received`."""
        held = await offset_ranges(self.fleet.kafka, [UPLOADS_RECEIVED.name])
        starts = {place: kept.start for place, kept in held.items()}
        ends = {place: kept.stop for place, kept in held.items()}
        batches = [batch async for batch in read_from(self.fleet.kafka, starts, ends)]
        return [one for batch in batches for one in batch if one.redrives and one.key == document_id.encode()]


@pytest.fixture
async def desk(fleet: Fleet) -> AsyncIterator[Desk]:
    producer = KafkaProducer(fleet.kafka)
    try:
        yield Desk(fleet, producer)
    finally:
        await producer.stop()


async def test_a_failed_document_is_mended_and_put_back(desk: Desk) -> None:
    """Listed, shown, redriven, complete in its first version; a second redrive changes nothing."""
    text = "# Lost and found\n\nThe bytes of this document come late.\n"
    upload, path = await desk.announce(f"late-{uuid4().hex}", text)
    failed = (await desk.fleet.until_final([upload]))[upload.document_id]
    assert (failed["state"], failed["reason"]["code"]) == ("failed", "object_missing")
    [letter] = desk.listed(upload.document_id)
    name = letter["identity"]
    assert (letter["state"], letter["code"], letter["failures"]) == ("open", "object_missing", 1)
    shown = desk.dlq("show", name)
    assert f"{desk.fleet.state.endpoints.gateway_url}/documents/{upload.document_id}" in shown
    assert f'"s3_path": "{path}"' in shown
    assert "1 would be redriven" in desk.dlq("redrive", name, "--dry-run")
    assert await desk.redriven(upload.document_id) == []
    await desk.store(path, text)
    assert "1 redriven" in desk.dlq("redrive", name, "--reason", "the bytes are there now", "--by", "a test")
    await until(lambda: _is(desk, upload.document_id, "complete"))
    document = await desk.document(upload.document_id)
    assert (document["version"], document["current"]["version"]) == (upload.version, upload.version)
    assert document["received_at"] == failed["received_at"]
    assert document["reason"] is None
    assert "redriven already" in desk.dlq("redrive", name)
    assert "0 redriven" in desk.dlq("redrive", "--key", upload.document_id)
    assert len(await desk.redriven(upload.document_id)) == 1
    [letter] = desk.listed(upload.document_id, "redriven")
    assert (letter["action"]["by"], letter["action"]["why"]) == ("a test", "the bytes are there now")


async def _is(desk: Desk, document_id: str, state: str) -> bool:
    return bool((await desk.document(document_id))["state"] == state)


async def test_a_redrive_that_was_killed_at_its_end_is_not_repeated(desk: Desk) -> None:
    """Nobody has said that the record is back: it is found at its topic, and only that is said."""
    text = "# Killed\n\nThe operator's command was killed.\n"
    upload, path = await desk.announce(f"killed-{uuid4().hex}", text)
    await desk.fleet.until_final([upload])
    await desk.store(path, text)
    [letter] = desk.listed(upload.document_id)
    desk.dlq("redrive", letter["identity"])
    await desk.begin(letter["identity"])
    assert [one["state"] for one in desk.listed(upload.document_id)] == ["unfinished"]
    [record] = await desk.redriven(upload.document_id)
    said = desk.dlq("redrive", letter["identity"])
    assert f"was redriven {letter['identity']}: found at {record.position}" in said
    assert [one["state"] for one in desk.listed(upload.document_id, "all")] == ["redriven"]
    assert len(await desk.redriven(upload.document_id)) == 1
    await until(lambda: _is(desk, upload.document_id, "complete"))


async def test_one_that_fails_again_is_one_with_two_failures(desk: Desk) -> None:
    """Under its first name; discarded by a reason, which is kept, it is left alone from then on."""
    upload, _ = await desk.announce(f"never-{uuid4().hex}", "never\n")
    await desk.fleet.until_final([upload])
    [letter] = desk.listed(upload.document_id)
    desk.dlq("redrive", letter["identity"])
    await until(lambda: [one["failures"] for one in desk.listed(upload.document_id)] == [2])
    [again] = desk.listed(upload.document_id)
    assert (again["identity"], again["state"]) == (letter["identity"], "open")
    assert again["first_failed_at"] == letter["first_failed_at"]
    assert (await desk.document(upload.document_id))["state"] == "failed"
    order = {"identities": [letter["identity"]], "reason": "the bytes were never sent"}
    async with desk.fleet.client() as client:
        done = (await client.post("/dead-letters/discard", json=order)).json()
        assert done["discarded"] == [letter["identity"]]
        shown = (await client.get(f"/dead-letters/{letter['identity']}")).json()
        assert (shown["state"], shown["action"]["why"]) == ("discarded", "the bytes were never sent")
        kinds = (await client.get("/dead-letters/stats")).json()["kinds"]
        assert any(kind["code"] == "object_missing" and kind["discarded"] for kind in kinds)
    async with desk.fleet.client(OTHER_KEY) as client:
        assert (await client.get("/dead-letters")).status_code == 403
    assert desk.listed(upload.document_id) == []
    assert "discarded already" in desk.dlq("redrive", letter["identity"])


async def test_a_redriven_older_version_is_superseded(desk: Desk) -> None:
    """What is newer stays, in the status and in the stores; the timeline says what became of the older."""
    name = f"twice-{uuid4().hex}"
    older, older_path = await desk.announce(name, "# Old\n\nThe old text.\n")
    await desk.fleet.until_final([older])
    newer, newer_path = await desk.announce(name, "# New\n\nThe new text.\n")
    await desk.fleet.until_final([newer])
    await desk.store(newer_path, "# New\n\nThe new text.\n")
    await desk.store(older_path, "# Old\n\nThe old text.\n")
    by_offset = sorted(desk.listed(older.document_id), key=lambda letter: int(letter["offset"]))
    assert [letter["offset"] for letter in by_offset] == [older.version, newer.version]
    desk.dlq("redrive", by_offset[1]["identity"])
    await until(lambda: _is(desk, newer.document_id, "complete"))
    desk.dlq("redrive", by_offset[0]["identity"])
    await until(lambda: _superseded(desk, older))
    document = await desk.document(newer.document_id)
    assert (document["state"], document["version"]) == ("complete", newer.version)
    await until(lambda: ["The new text." in row["text"] for row in desk.fleet.texts(newer.document_id)] == [True])


async def _superseded(desk: Desk, upload: Upload) -> bool:
    timeline = (await desk.document(upload.document_id))["timeline"]
    return any((one["version"], one["state"]) == (upload.version, "superseded") for one in timeline)


async def test_a_refused_event_is_put_back_as_it_was_and_then_mended(desk: Desk) -> None:
    """Spark refuses it again under its first name; mended it is counted, however long ago it came in, since its first
    time is what it is judged by; and `cauce verify` agrees with all of it."""
    user = 138_493
    event = {"userId": user, "movieId": 1, "rating": 9.5, "timestamp": int(time.time() * 1000)}
    await desk.publish(Outgoing("ratings", str(user).encode(), json.dumps(event).encode()))
    await until(lambda: len(desk.listed(str(user))) == 1, seconds=120)
    [letter] = desk.listed(str(user))
    assert (letter["group"], letter["code"], letter["failures"]) == ("streaming.ratings", "out_of_range", 1)
    desk.dlq("redrive", letter["identity"])
    await until(lambda: [one["failures"] for one in desk.listed(str(user))] == [2], seconds=60)
    [again] = desk.listed(str(user))
    assert again["identity"] == letter["identity"]
    patch = json.dumps({"rating": 5})
    assert "1 redriven" in desk.dlq("redrive", letter["identity"], "--patch", patch)
    code, said = desk.fleet.cauce("verify", "ratings", "--wait", "60")
    assert code == 0, said
    assert [one["state"] for one in desk.listed(str(user), "all")] == ["redriven"]
