"""The keeper on a real broker and real stores, with a topic of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pymongo.database import Database

from services.db_writer.handlers import Documents as Handler
from services.db_writer.keeper import LogKeeper, TopicsMissing
from services.db_writer.mongo import MongoStore
from services.db_writer.stored_logs import StoredLogs
from shared.contracts.documents import DocumentStatus, State
from shared.contracts.topics import OFFSETS_PER_INCARNATION, StoredLog, TopicAdopted
from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin
from shared.kafka.client.adoption import adopted_topics, put_adopted
from shared.kafka.client.identity import identities
from shared.topics import UPLOADS_RECEIVED, Topic
from tests.adopting import adopt, make_anew
from tests.services.db_writer.samples import Documents, messages, status
from tests.suites.loop_suite import topics

pytestmark = pytest.mark.fleet
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Bench:
    """A topic that is in force and has yet to be told of, and a keeper of it."""

    def __init__(self, kafka: Connection, store: MongoStore) -> None:
        self.kafka = kafka
        self.topic, _ = topics(f"kept-{uuid4().hex[:8]}")
        self.logs = StoredLogs(store.database)
        self.keeper = self.another()

    def another(self) -> LogKeeper:
        return LogKeeper(self.kafka, [self.topic], self.logs)

    async def topic_id(self) -> str:
        return (await identities(self.kafka, [self.topic.name]))[self.topic.name].topic_id

    async def in_force(self) -> TopicAdopted:
        return (await adopted_topics(self.kafka))[self.topic.name]

    async def stored(self) -> StoredLog:
        return (await self.logs.all())[self.topic.name]


@pytest.fixture
async def bench(kafka: Connection, store: MongoStore) -> AsyncIterator[Bench]:
    bench = Bench(kafka, store)
    async with KafkaAdmin(kafka) as admin:
        await admin.create(bench.topic, 1)
    first = TopicAdopted(topic=bench.topic.name, topic_id=await bench.topic_id(), adopted_at=NOW)
    await put_adopted(kafka, [first], "tests")
    yield bench
    await bench.keeper._watch.stop()


async def test_what_is_in_force_is_kept_and_told(bench: Bench) -> None:
    """The store has the topic, and `topics.control` says that it has; again and again nothing more is written."""
    for _ in range(2):
        await bench.keeper.keep()
        assert await bench.stored() == StoredLog(topic=bench.topic.name, topic_id=await bench.topic_id())
        told = await bench.in_force()
        assert (told.stored, told.adopted_at) == (True, NOW)
    await bench.keeper.check()


async def test_a_topic_made_anew_is_said_until_it_is_adopted(bench: Bench) -> None:
    """The service isn't ready and the store is as it was; after the adoption the store has the new log."""
    await bench.keeper.keep()
    before = await bench.stored()
    await make_anew(bench.kafka, bench.topic)
    await bench.keeper.keep()
    with pytest.raises(Transient, match=r"is another topic than the one in force.*`cauce topics adopt` shows"):
        await bench.keeper.check()
    assert await bench.stored() == before
    await adopt(bench.kafka, bench.topic)
    await bench.keeper.keep()
    await bench.keeper.check()
    after = await bench.stored()
    assert (after.topic_id, after.incarnation) == (await bench.topic_id(), 1)
    assert (await bench.in_force()).stored


async def test_a_lost_log_is_said(bench: Bench) -> None:
    """All of Kafka was lost, and `cauce topics apply` has put the new topic in force as if it were the first: the store
    knows better."""
    await bench.logs.put(StoredLog(topic=bench.topic.name, topic_id="of before"), None)
    await bench.keeper.keep()
    with pytest.raises(Transient, match=r"came from another `kept-.*Kafka's data was lost"):
        await bench.keeper.check()
    assert not (await bench.in_force()).stored


async def test_a_lost_end_is_said(bench: Bench) -> None:
    """The stores have seen more of a partition than it has."""
    seen = StoredLog(topic=bench.topic.name, topic_id=await bench.topic_id(), ends={1: 7})
    await bench.logs.put(seen, None)
    await bench.keeper.keep()
    with pytest.raises(Transient, match=r"-1 ends at 0, but the stores have seen it up to 7: its end is lost"):
        await bench.keeper.check()


async def test_the_record_of_an_adoption_is_restored(bench: Bench) -> None:
    """`topics.control` was lost and applied anew; the topic was not, and goes on under its incarnation."""
    await bench.logs.put(StoredLog(topic=bench.topic.name, topic_id=await bench.topic_id(), incarnation=3), None)
    await bench.keeper.keep()
    told = await bench.in_force()
    assert (told.incarnation, told.stored) == (3, True)
    await bench.keeper.keep()
    await bench.keeper.check()


async def test_two_keepers_undo_nothing(bench: Bench) -> None:
    """What was decided by an older look doesn't replace what another has put there meanwhile."""
    await bench.keeper.keep()
    before = await bench.stored()
    newer = before.model_copy(update={"topic_id": "newer", "incarnation": 2})
    assert await bench.logs.put(newer, before)
    assert not await bench.logs.put(before.model_copy(update={"incarnation": 1}), before)
    assert not await bench.logs.put(before, None)
    assert await bench.stored() == newer


async def test_topics_that_are_not_applied_yet_are_waited_for(kafka: Connection, store: MongoStore) -> None:
    """`--init` may run beside `cauce topics apply`."""
    topic = Topic("never-made", "id", 1, topics("x")[0].retention)
    with pytest.raises(TopicsMissing, match="`never-made` is not there: run `cauce topics apply`"):
        await LogKeeper(kafka, [topic], StoredLogs(store.database)).keep_once()


# ---- how far the stores have seen `uploads.received` -----------------------------------------------------------------


def seen(document: str, version: int, partition: int | None) -> DocumentStatus:
    return status(State.RECEIVED, document=document).model_copy(update={"version": version, "partition": partition})


async def test_the_store_knows_how_far_it_has_seen_uploads(store: MongoStore, database: Database[Documents]) -> None:
    """By partition, of the incarnation that it has; told again after a backup was put back."""
    logs = StoredLogs(store.database)
    await logs.put(StoredLog(topic=UPLOADS_RECEIVED.name, topic_id="A", incarnation=1), None)
    base = OFFSETS_PER_INCARNATION
    told = [seen("d", base + 5, 2), seen("e", base + 3, 2), seen("f", 99, 2), seen("g", base + 50, None)]
    for _ in range(2):
        await Handler(store).handle(messages(told))
        assert (await logs.all())[UPLOADS_RECEIVED.name].ends == {2: 6}
        database["logs"].update_one({"_id": UPLOADS_RECEIVED.name}, {"$set": {"ends": {}}})


async def test_the_greatest_version_is_found(store: MongoStore) -> None:
    """Of all documents; where there is none, none."""
    logs = StoredLogs(store.database)
    assert await logs.greatest_version() is None
    told = [status(State.RECEIVED, document=name, version=version) for name, version in (("d", 5), ("e", 3))]
    await Handler(store).handle(messages(told))
    assert await logs.greatest_version() == 5
