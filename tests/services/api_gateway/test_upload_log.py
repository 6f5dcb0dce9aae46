"""Uploads while the log of uploads is not the one that the stores' versions came from."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from services.api_gateway.handlers import Uploads
from services.api_gateway.upload_log import MAY_BE_LOST, UploadLog
from shared.contracts.documents import Stage, State
from shared.contracts.topics import OFFSETS_PER_INCARNATION, StoredLog
from shared.kafka.client.topic_watch import Look
from shared.kafka.memory import MemoryBroker, MemoryProducer
from shared.kafka.records import Acknowledged, Outgoing, Partition
from shared.runtime.metrics import LOG_BROKEN
from shared.topics import DOCUMENTS_STATUS, TOPICS_CONTROL, UPLOADS_RECEIVED
from tests.services.api_gateway.world import MemoryTopics, World, status
from tests.services.api_gateway.world import world as make
from tests.waiting import until

TOPIC = UPLOADS_RECEIVED.name
NAME = "/documents/by-name/n"
DOCUMENT = "0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"

Fault = Callable[[World], str]
"""Does something to the world, and returns what shall be said of it."""


async def put(client: httpx.AsyncClient, name: str = "n") -> httpx.Response:
    return await client.put(f"/documents/by-name/{name}", content=b"bytes")


def is_paused(answer: httpx.Response, sentence: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "uploads_paused")
    assert sentence in problem["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) <= 5


def broken() -> float:
    return float(LOG_BROKEN.labels("api_gateway", TOPIC)._value.get())


def place(world: World) -> Partition:
    """Of the named document's uploads."""
    return next(place for place, log in world.broker.logs.items() if place.topic == TOPIC and log)


async def test_nothing_is_accepted_before_the_first_look(tmp_path: Path) -> None:
    """Not ready, and a 503 with a short Retry-After; nothing of the upload is read, stored or published."""
    world = make(tmp_path)
    async with world.client() as client:
        answer = await put(client)
        is_paused(answer, "not looked at yet")
        assert answer.headers["retry-after"] == "1"
        assert TOPIC in (await client.get("/ready")).json()["problems"]
        assert (world.uploads, world.stored_files) == ([], [])
        await world.upload_log.look()
        assert (await put(client)).status_code == 202
        assert (await client.get("/ready")).json()["problems"].keys() == {"kafka"}


async def test_the_base_of_the_incarnation_is_in_record_and_version(world: World, client: httpx.AsyncClient) -> None:
    """So that ingest, and each replay, computes the version that was answered."""
    world.adopt(incarnation=3)
    await world.upload_log.look()
    first, second = (await put(client)).json()["version"], (await put(client)).json()["version"]
    assert (first, second) == (3 * OFFSETS_PER_INCARNATION, 3 * OFFSETS_PER_INCARNATION + 1)
    assert {upload.base for upload in world.uploads} == {3 * OFFSETS_PER_INCARNATION}


def made_anew(world: World) -> str:
    world.broker.make_anew(TOPIC)
    return "another topic than the one in force"


def cut(world: World) -> str:
    """The last record of what this gateway has seen."""
    world.broker.cut(place(world), 1)
    return "ends at 1, but had ended at 2 before"


def cut_before_this_process(world: World) -> str:
    """The store had seen more."""
    world.store.logs[TOPIC] = world.store.logs[TOPIC].model_copy(update={"ends": {place(world).number: 9}})
    return "ends at 2, but the stores have seen it up to 9"


def lost_with_everything(world: World) -> str:
    """Kafka's folder: `cauce topics apply` has made all topics anew, and knows of none before."""
    stored = world.store.logs[TOPIC]
    world.broker.make_anew(TOPIC)
    world.broker.make_anew(TOPICS_CONTROL.name)
    world.adopt(stored=False)
    world.store.logs[TOPIC] = stored
    return "the stores' contents came from another"


def of_another_installation(world: World) -> str:
    world.store.logs[TOPIC] = StoredLog(topic=TOPIC, topic_id="another", incarnation=0)
    return "the stores' contents came from another"


@pytest.mark.parametrize("fault", [made_anew, cut, cut_before_this_process, lost_with_everything])
async def test_a_lost_log_is_refused_until_it_is_adopted(world: World, client: httpx.AsyncClient, fault: Fault) -> None:
    """Uploads and deletions are refused before anything is published, with the sentence and the command, in `/ready`
    and the metric too; once it is adopted and db_writer has confirmed it, new editions have greater versions."""
    await put(client)
    before = (await put(client)).json()
    sentence = fault(world)
    log = {place: len(log) for place, log in world.broker.logs.items()}
    await world.upload_log.look()
    is_paused(await put(client), sentence)
    is_paused(await client.delete(NAME), "cauce topics adopt")
    assert sentence in (await client.get("/ready")).json()["problems"][TOPIC]
    assert broken() == 1
    assert {place: len(log) for place, log in world.broker.logs.items()} == log
    world.adopt(incarnation=1, stored=False)
    world.store.logs.clear()
    await world.upload_log.look()
    is_paused(await put(client), "db_writer has not yet put incarnation 1")
    assert broken() == 0
    world.adopt(incarnation=1)
    await world.upload_log.look()
    after = (await put(client)).json()
    assert after["document_id"] == before["document_id"]
    assert after["version"] > before["version"]
    assert (await client.get("/ready")).status_code == 200


async def test_another_installations_store_is_refused(world: World, client: httpx.AsyncClient) -> None:
    """Versions that came from elsewhere say nothing about this log."""
    sentence = of_another_installation(world)
    await world.upload_log.look()
    is_paused(await put(client), sentence)


@pytest.mark.parametrize("topic", [TOPIC, TOPICS_CONTROL.name])
async def test_what_is_not_there_is_named(world: World, client: httpx.AsyncClient, topic: str) -> None:
    """A topic, or what is known of it: with the command that makes it."""
    if topic == TOPIC:
        del world.broker.topic_ids[topic]
    else:
        world.broker.make_anew(topic)
    await world.upload_log.look()
    is_paused(await put(client), "run `cauce topics apply`")


async def test_a_cut_that_nobody_has_looked_at_is_seen_by_its_acknowledgement(
    world: World, client: httpx.AsyncClient
) -> None:
    """An offset below a known end: no 202, no status, and the next is refused at once."""
    await put(client)
    await put(client)
    world.broker.cut(place(world), 0)
    statuses = len(world.broker.read(DOCUMENTS_STATUS.name))
    answer = await put(client)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_acknowledged")
    assert len(world.broker.read(DOCUMENTS_STATUS.name)) == statuses
    assert len(world.stored_files) == 3
    is_paused(await put(client), "ends at 1, but had ended at 2")
    assert len(world.uploads) == 1


async def test_a_cut_log_is_refused_also_when_it_has_grown_again(world: World, client: httpx.AsyncClient) -> None:
    """What another gateway wrote after the cut doesn't bring the lost records back."""
    await put(client)
    await put(client)
    kept = place(world)
    world.broker.cut(kept, 1)
    await world.upload_log.look()
    world.broker.logs[kept] += [world.broker.logs[kept][0]] * 10
    await world.upload_log.look()
    is_paused(await put(client), "its end is lost")


class Meanwhile(MemoryProducer):
    """Something happens once, right after a record was sent and before its sender knows."""

    def __init__(self, world: World, fault: Callable[[], None]) -> None:
        super().__init__(world.broker)
        self._fault: Callable[[], None] | None = fault

    async def publish(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        written = await super().publish(records)
        fault, self._fault = self._fault, None
        if fault is not None:
            fault()
        return written


@pytest.mark.parametrize("adopted", [False, True])
async def test_a_log_that_is_made_anew_under_an_upload_is_no_202(world: World, adopted: bool) -> None:
    """Not even where the new log has grown beyond all that was known of the old, or was adopted already: between the
    acknowledgement and the answer the topic's id is asked for."""

    def exchanged() -> None:
        world.broker.make_anew(TOPIC)
        if adopted:
            world.adopt(incarnation=1)

    uploads = Uploads(Meanwhile(world, exchanged), world.upload_log, 20)
    exposed = replace(world, gateway=replace(world.gateway, uploads=uploads))
    async with exposed.client() as client:
        answer = await put(client)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_acknowledged")
        assert world.broker.read(DOCUMENTS_STATUS.name) == []
        if adopted:
            assert (await put(client)).json()["version"] == OFFSETS_PER_INCARNATION
        else:
            is_paused(await put(client), "another topic")


async def test_a_cut_under_an_upload_is_no_202(world: World, client: httpx.AsyncClient) -> None:
    """The record's own end of the log goes between its acknowledgement and its answer: the leader epoch tells."""
    await put(client)
    uploads = Uploads(Meanwhile(world, lambda: world.broker.cut(place(world), 1)), world.upload_log, 20)
    exposed = replace(world, gateway=replace(world.gateway, uploads=uploads))
    async with exposed.client() as exposed_client:
        answer = await put(exposed_client)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_acknowledged")


async def test_a_cut_that_others_have_filled_is_seen_by_its_acknowledgement(
    world: World, client: httpx.AsyncClient
) -> None:
    """Nothing else tells, once the log is as long again as it was."""
    await put(client)
    await put(client)
    kept = place(world)
    others = world.broker.logs[kept] * 5
    world.broker.cut(kept, 0)
    uploads = Uploads(Meanwhile(world, lambda: world.broker.logs[kept].extend(others)), world.upload_log, 20)
    exposed = replace(world, gateway=replace(world.gateway, uploads=uploads))
    async with exposed.client() as exposed_client:
        assert (await put(exposed_client)).json()["code"] == "not_acknowledged"
    is_paused(await put(client), "its end is lost")


class Slow(MemoryProducer):
    """Acknowledgements overtake each other."""

    async def publish(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        await asyncio.sleep(random.random() / 100)
        written = await super().publish(records)
        await asyncio.sleep(random.random() / 100)
        return written


async def test_many_uploads_by_two_gateways_raise_no_alarm(world: World) -> None:
    """All are accepted, with a version each, while both look all the time; many share a question about the topic's
    id."""
    logs = [UploadLog(MemoryTopics(world.broker), world.ids, world.store, "test", every=0.001) for _ in range(2)]
    looking = [asyncio.create_task(log.run()) for log in logs]
    await until(lambda: all(log._pause is None for log in logs))
    gateways = [
        replace(world, gateway=replace(world.gateway, uploads=Uploads(Slow(world.broker), log, 20), upload_log=log))
        for log in logs
    ]
    async with gateways[0].client() as one, gateways[1].client() as other:
        answers = await asyncio.gather(*(put((one, other)[n % 2], "n") for n in range(400)))
    for task in looking:
        task.cancel()
    await asyncio.gather(*looking, return_exceptions=True)
    assert [answer.status_code for answer in answers] == [202] * 400
    assert sorted(answer.json()["version"] for answer in answers) == list(range(400))
    assert world.ids.questions < 400


class Held(MemoryTopics):
    """Answers what it has seen when it is released."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.release = asyncio.Event()
        self.release.set()

    async def look(self) -> Look:
        seen = await super().look()
        await self.release.wait()
        return seen


async def test_what_is_acknowledged_while_somebody_looks_raises_no_alarm(world: World) -> None:
    """The look has seen the log as it was before, and answers afterwards: nothing was lost."""
    topics = Held(world.broker)
    log = UploadLog(topics, world.ids, world.store, "test", every=60)
    await log.look()
    gateway = replace(world.gateway, uploads=Uploads(MemoryProducer(world.broker), log, 20), upload_log=log)
    exposed = replace(world, gateway=gateway)
    async with exposed.client() as client:
        topics.release.clear()
        looking = asyncio.create_task(log.look())
        await asyncio.sleep(0.05)
        assert (await put(client)).status_code == 202
        topics.release.set()
        await asyncio.sleep(0.05)
        assert (await put(client)).status_code == 202
        await looking
    await log._looks.close()


async def test_a_store_that_is_away_is_no_reason(world: World, client: httpx.AsyncClient) -> None:
    """Its last word stays: uploads are accepted in an outage of it, but not into a log that is known to be lost."""
    world.store.away = True
    await world.upload_log.look()
    assert (await put(client)).status_code == 202
    world.store.away = False
    sentence = cut_before_this_process(world).replace("2, but", "1, but")
    await world.upload_log.look()
    world.store.away = True
    world.store.logs.clear()
    await world.upload_log.look()
    is_paused(await put(client), sentence)


async def test_a_broker_that_is_away_leaves_the_last_word(world: World, client: httpx.AsyncClient) -> None:
    """The producer says that it is away; the job goes on looking, and sees what has become of the log meanwhile."""
    looking = asyncio.create_task(world.upload_log.run())
    world.broker.away = True
    await asyncio.sleep(0.05)
    assert (await put(client)).json()["code"] == "not_acknowledged"
    world.broker.make_anew(TOPIC)
    world.broker.away = False
    await until(lambda: broken() == 1)
    is_paused(await put(client), "another topic")
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_an_acknowledged_upload_waits_for_a_broker_that_comes_back(world: World) -> None:
    """A short outage between the acknowledgement and the question costs time only."""

    def away() -> None:
        world.broker.away = True
        asyncio.get_running_loop().call_later(0.1, lambda: setattr(world.broker, "away", False))

    uploads = Uploads(Meanwhile(world, away), world.upload_log, 20)
    exposed = replace(world, gateway=replace(world.gateway, uploads=uploads))
    async with exposed.client() as client:
        assert (await put(client)).status_code == 202


async def test_what_may_be_lost_says_so(world: World, client: httpx.AsyncClient) -> None:
    """A document that is under way from a log that is over has a notice; one that has ended, or is of the log in
    force, has none."""
    old, done, new = (DOCUMENT[:-1] + digit for digit in "123")
    world.store.add(status(old, State.RECEIVED, Stage.GATEWAY, version=7))
    world.store.add(status(done, State.COMPLETE, Stage.DB_WRITER, version=7))
    world.store.add(status(new, State.RECEIVED, Stage.GATEWAY, version=OFFSETS_PER_INCARNATION))
    assert (await client.get(f"/documents/{old}")).json()["notice"] is None
    world.adopt(incarnation=1)
    await world.upload_log.look()
    notices = {one["document_id"]: one["notice"] for one in (await client.get("/documents")).json()["documents"]}
    assert notices == {old: MAY_BE_LOST, done: None, new: None}
    assert (await client.get(f"/documents/{old}")).json()["notice"] == MAY_BE_LOST
