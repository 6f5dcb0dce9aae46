"""A gateway on real servers whose log of uploads, or of statuses, is lost: uploads over HTTP, Kafka, MongoDB."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from services.api_gateway import handlers, upload_log
from services.api_gateway.handlers import Uploads
from services.api_gateway.mongo import MongoStore
from services.api_gateway.status_tail import StatusTail
from services.api_gateway.status_view import StatusView
from services.api_gateway.upload_log import UploadLog
from shared.contracts.documents import Stage, State
from shared.contracts.topics import OFFSETS_PER_INCARNATION, TopicAdopted
from shared.contracts.uploads import UploadReceived
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, KafkaTail, offset_ranges, read_from
from shared.kafka.client.adoption import put_adopted
from shared.kafka.client.identity import Identities, identities
from shared.kafka.client.topic_watch import TopicWatch
from shared.kafka.records import Emit, Record, encode
from shared.topics import DOCUMENTS_STATUS, TOPICS_CONTROL, UPLOADS_RECEIVED, Topic
from tests.adopting import make_anew
from tests.services.api_gateway.conftest import again_and_again
from tests.services.api_gateway.world import status
from tests.services.api_gateway.world import world as make
from tests.waiting import until

pytestmark = pytest.mark.fleet

EVERY = 0.5
UNTIL_ADOPTED = 60.0


@dataclass
class Logs:
    """Topics and a database of the test's own; what `cauce topics adopt` and db_writer would write, it writes."""

    kafka: Connection
    database: Any
    uploads: Topic
    statuses: Topic

    async def adopt(self, incarnation: int, *, stored: bool = True, ends: dict[int, int] | None = None) -> None:
        """In `topics.control`; with `stored` also in MongoDB."""
        topic_id = (await identities(self.kafka, [self.uploads.name]))[self.uploads.name].topic_id
        if stored:
            log = {
                "topic_id": topic_id,
                "incarnation": incarnation,
                "ends": {str(n): e for n, e in (ends or {}).items()},
            }
            await self.database["logs"].replace_one({"_id": self.uploads.name}, log, upsert=True)
        adopted = TopicAdopted(
            topic=self.uploads.name,
            topic_id=topic_id,
            incarnation=incarnation,
            stored=stored,
            adopted_at=datetime.now(UTC),
        )
        await put_adopted(self.kafka, [adopted], "test")

    async def records(self, topic: Topic) -> list[Record]:
        """All of a topic."""
        held = await offset_ranges(self.kafka, [topic.name])
        starts = {place: kept.start for place, kept in held.items()}
        ends = {place: kept.stop for place, kept in held.items()}
        return [record async for batch in read_from(self.kafka, starts, ends) for record in batch]


@pytest.fixture
async def logs(kafka: Connection, mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Logs]:
    """The fleet's own topics stay as they are: others are using them."""
    mine = uuid4().hex[:12]
    uploads = replace(UPLOADS_RECEIVED, name=f"test.uploads.{mine}")
    statuses = replace(DOCUMENTS_STATUS, name=f"test.status.{mine}")
    async with KafkaAdmin(kafka) as admin:
        for topic in (uploads, statuses):
            await admin.create(topic, 1)
        if not await identities(kafka, [TOPICS_CONTROL.name]):
            await admin.create(TOPICS_CONTROL, 1)
    monkeypatch.setattr(upload_log, "TOPIC", uploads.name)
    monkeypatch.setattr(handlers, "UPLOADS_RECEIVED", uploads)
    monkeypatch.setattr(handlers, "DOCUMENTS_STATUS", statuses)
    client: Any = AsyncIOMotorClient(mongodb_url)
    yield Logs(kafka, client[f"test_{mine}"], uploads, statuses)
    await client.drop_database(f"test_{mine}")
    client.close()


@contextlib.asynccontextmanager
async def gateway(logs: Logs, mongodb_url: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """One replica, as `bootstrap` puts it together."""
    store, producer = MongoStore(mongodb_url, logs.database.name), KafkaProducer(logs.kafka, deadline=8)
    topics = [logs.uploads.name]
    log = UploadLog(TopicWatch(logs.kafka, topics), Identities(logs.kafka, topics), store, "test", every=EVERY)
    world = make(folder)
    made = replace(world, gateway=replace(world.gateway, uploads=Uploads(producer, log, 10), upload_log=log))
    made.health.checks = {logs.uploads.name: log.probe}
    looking = asyncio.create_task(log.run())
    try:
        async with made.client() as client:
            yield client
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await producer.stop()
        store.close()


async def put(client: httpx.AsyncClient, name: str = "n") -> httpx.Response:
    return await client.put(f"/documents/by-name/{name}", content=b"bytes")


async def accepted(client: httpx.AsyncClient) -> int:
    """The version that the next upload of a document gets, once uploads are accepted."""
    answers: list[httpx.Response] = []

    async def is_accepted() -> bool:
        answers.append(await put(client))
        return answers[-1].status_code == 202

    await until(is_accepted)
    return int(answers[-1].json()["version"])


async def paused(client: httpx.AsyncClient, sentence: str) -> None:
    """Uploads come to be refused with this sentence, which `/ready` says too."""

    async def is_paused() -> bool:
        answer = await put(client)
        return answer.status_code == 503 and sentence in answer.json()["detail"]

    await until(is_paused)
    assert sentence in (await client.get("/ready")).text


async def test_a_topic_that_is_made_anew_is_refused_until_it_is_adopted(
    logs: Logs, mongodb_url: str, tmp_path: Path
) -> None:
    """A new installation waits for db_writer; a topic that was made anew for a person, then for db_writer; the next
    edition's version lies above the one before the loss."""
    async with gateway(logs, mongodb_url, tmp_path) as client:
        await paused(client, "`topics.control` says nothing of")
        await logs.adopt(0, stored=False)
        await paused(client, "db_writer has not yet put incarnation 0")
        await logs.adopt(0)
        before = [await accepted(client) for _ in range(3)]
        await make_anew(logs.kafka, logs.uploads)
        await paused(client, "cauce topics adopt")
        await paused(client, "another topic than the one in force")
        await logs.adopt(1, stored=False)
        await paused(client, "db_writer has not yet put incarnation 1")
        await logs.adopt(1)
        after = await accepted(client)
    assert before == [0, 1, 2]
    assert after >= OFFSETS_PER_INCARNATION
    records = await logs.records(logs.uploads)
    assert {UploadReceived.model_validate_json(record.value or b"").base for record in records if record.value} <= {
        0,
        OFFSETS_PER_INCARNATION,
    }


async def test_a_log_that_ends_below_what_the_store_has_seen_is_refused(
    logs: Logs, mongodb_url: str, tmp_path: Path
) -> None:
    """Its end was lost while no gateway ran: the store knows."""
    await logs.adopt(0, ends={0: 7})
    async with gateway(logs, mongodb_url, tmp_path) as client:
        await paused(client, f"{logs.uploads.name}-0 ends at 0, but the stores have seen it up to 7")
    assert await logs.records(logs.uploads) == []


async def test_a_topic_that_is_made_anew_under_load_takes_no_202(logs: Logs, mongodb_url: str, tmp_path: Path) -> None:
    """Two gateways accept uploads without a pause while the topic is deleted and made anew, and others fill it beyond
    all that was known: whatever was written to the new log with the old base was not answered with a 202."""
    await logs.adopt(0)
    answered: dict[str, int] = {}
    over = asyncio.Event()

    async def load(client: httpx.AsyncClient, who: str) -> None:
        number = 0
        while not over.is_set():
            answer = await put(client, f"{who}-{number}")
            if answer.status_code == 202:
                answered[answer.json()["document_id"]] = answer.json()["version"]
            number += 1

    async with (
        gateway(logs, mongodb_url, tmp_path / "a") as one,
        gateway(logs, mongodb_url, tmp_path / "b") as other,
    ):
        await accepted(one)
        await accepted(other)
        clients = (one, other)
        loads = [asyncio.create_task(load(clients[n % 2], f"load-{n}")) for n in range(8)]
        await until(lambda: len(answered) > 100)
        await make_anew(logs.kafka, logs.uploads)
        await fill(logs)
        await paused(one, "another topic than the one in force")
        await paused(other, "another topic than the one in force")
        await logs.adopt(1)
        first = len(answered)
        await until(lambda: len(answered) > first + 100)
        over.set()
        await asyncio.gather(*loads)
    found = [UploadReceived.model_validate_json(record.value or b"") for record in await logs.records(logs.uploads)]
    stale = {upload.document_id for upload in found if upload.base == 0}
    assert stale.isdisjoint(answered)
    kept = {upload.document_id for upload in found if upload.base == OFFSETS_PER_INCARNATION}
    assert {document for document, version in answered.items() if version >= OFFSETS_PER_INCARNATION} <= kept


async def fill(logs: Logs) -> None:
    """As a gateway that hasn't noticed might."""
    upload = UploadReceived(document_id="x", company_id="c", s3_path="c/x", filename="x", sha256="a" * 64, size_bytes=1)
    emits = [Emit(logs.uploads, upload.model_copy(update={"document_id": f"other-{n}"})) for n in range(2_000)]
    producer = KafkaProducer(logs.kafka)
    try:
        await producer.publish(encode(emits, "test"))
    finally:
        await producer.stop()


async def test_statuses_of_a_topic_that_was_made_anew_are_known(logs: Logs) -> None:
    """Within seconds, by itself: those that were written before the tail noticed, and those after."""
    view = StatusView()
    tail = StatusTail(KafkaTail(logs.kafka, logs.statuses.name), view, minutes=15)
    reading = asyncio.create_task(again_and_again(tail))
    producer = KafkaProducer(logs.kafka)

    async def tell(version: int) -> None:
        await producer.publish(
            encode([Emit(logs.statuses, status("d", State.RECEIVED, Stage.GATEWAY, version=version))], "test")
        )

    def known(version: int) -> bool:
        document = view.get("d")
        return document is not None and document.version == version

    try:
        for version in range(5):
            await tell(version)
        await until(lambda: known(4))
        await producer.stop()
        await make_anew(logs.kafka, logs.statuses)
        producer = KafkaProducer(logs.kafka)
        await tell(10)
        await until(lambda: known(10))
        await tell(11)
        await until(lambda: known(11))
        assert await tail.caught_up(5)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await producer.stop()
