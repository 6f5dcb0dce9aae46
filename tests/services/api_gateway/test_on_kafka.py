"""Events in and the questions about topics, on a real broker."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from services.api_gateway.broker_clock import BrokerClocks
from services.api_gateway.dead_letter_counts import DeadLetterCounts
from services.api_gateway.events import Events
from services.api_gateway.live_view import LiveView
from services.api_gateway.room import Room
from services.api_gateway.stream_stats import StreamStats
from services.api_gateway.topic_questions import KafkaQuestions
from shared.errors import Transient
from shared.kafka import durability
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer
from shared.kafka.records import Outgoing, Record
from shared.streams.declaration import Stream
from shared.streams.topics import input_topic
from tests.fleet.harness import Fleet
from tests.services.api_gateway.world import World, shipped
from tests.services.api_gateway.world import world as make
from tests.waiting import until

pytestmark = pytest.mark.fleet

EVENTS = 5_000


@pytest.fixture
async def stream(kafka: Connection) -> Stream:
    """The ratings, in topics of their own."""
    ratings = next(one for one in shipped() if one.name == "ratings")
    topic = ratings.topic.model_copy(update={"name": f"test.{uuid4().hex[:12]}"})
    mine = ratings.model_copy(update={"topic": topic})
    async with KafkaAdmin(kafka) as admin:
        for one in (input_topic(mine), input_topic(mine).dlq):
            await admin.create(one, 1)
    return mine


@pytest.fixture
async def producer(kafka: Connection) -> AsyncIterator[KafkaProducer]:
    made = KafkaProducer(kafka, compression="lz4")
    yield made
    await made.stop()


@pytest.fixture
def world_on_kafka(kafka: Connection, producer: KafkaProducer, stream: Stream, tmp_path: Path) -> World:
    world = make(tmp_path)
    questions = KafkaQuestions(kafka)
    stats = StreamStats(questions, LiveView(), DeadLetterCounts(questions))
    events = Events(producer, 10, Room(64 << 20), BrokerClocks([stream]))
    return replace(world, gateway=replace(world.gateway, streams={"ratings": stream}, events=events, stats=stats))


async def test_events_reach_the_broker_and_are_counted(
    world_on_kafka: World, producer: KafkaProducer, stream: Stream, kafka: Connection
) -> None:
    """Every accepted event is in its topic with its bytes, and the statistics know of it without reading it all."""
    now = int(time.time() * 1000)
    events = [{"userId": n + 1, "movieId": 1, "rating": 0.5 + n % 10 / 2, "timestamp": now} for n in range(EVENTS)]
    lines = [json.dumps(event).encode() for event in events]
    letter = Outgoing(f"{stream.topic_name}.dlq", b"k", b"v", (("dlq_error_code", b"late"),))
    await producer.publish([letter])
    async with world_on_kafka.client() as client:
        headers = {"Content-Type": "application/x-ndjson"}
        answer = await client.post("/events/ratings", content=b"\n".join(lines), headers=headers)
        stats = (await client.get("/streams/ratings/stats")).json()
    assert (answer.status_code, answer.json()["accepted"]) == (202, EVENTS)
    assert stats["events_total"] == EVENTS
    assert sum(minute["events"] for minute in stats["events_per_minute"][-2:]) == EVENTS
    assert stats["rejected"] == {"late": 1}
    assert sum(bucket["count"] for bucket in stats["distribution"]["buckets"]) in range(1500, 2001)
    questions = KafkaQuestions(kafka)
    records: list[Record] = []

    def take(some: Sequence[Record]) -> bool:
        records.extend(some)
        return True

    await questions.read(await questions.ranges([stream.topic_name]), take)
    assert sorted(record.value or b"" for record in records) == sorted(lines)
    assert all(record.key == str(json.loads(record.value or b"")["userId"]).encode() for record in records)


async def test_ready_shows_the_durability_in_force(fleet: Fleet) -> None:
    """A running gateway tells of every topic that its 202s rest on; a local fleet has one replica of each."""
    async with fleet.client() as client:

        async def known() -> bool:
            return (await client.get("/ready")).json()["durability"]["uploads.received"]["replicas"] is not None

        await until(known, durability.EVERY_SECONDS)
        shown = (await client.get("/ready")).json()
    assert shown["ok"] is True
    assert {"uploads.received", "documents.status"} < shown["durability"].keys()
    for fact in shown["durability"].values():
        assert (fact["replicas"], fact["in_sync_replicas"], fact["min_insync_replicas"]) == (1, 1, 1)
        assert fact["meaning"].endswith("a power failure may take it, since there is one replica")


async def test_a_broker_that_is_not_there_is_an_outage(unused_tcp_port: int) -> None:
    """Transient, within seconds, whatever is asked."""
    questions = KafkaQuestions(Connection(f"127.0.0.1:{unused_tcp_port}"))
    for question in (questions.ranges(["t"]), questions.offsets_at("t", [0]), questions.lag()):
        with pytest.raises(Transient):
            await question
