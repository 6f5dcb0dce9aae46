from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.errors import Code, Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer
from shared.kafka.deadletters import Failure, dead_letter
from shared.kafka.records import Outgoing
from shared.streams.declaration import Stream
from shared.streams.replay import Replay
from shared.streams.topics import input_topic
from tests.shared.streams.samples import orders, record

pytestmark = pytest.mark.fleet


@pytest.fixture
async def stream(kafka: Connection) -> Stream:
    """`orders` under a name of its own, its topics made."""
    made = orders(name=f"orders-{uuid4().hex}", readings={"collection": "c"})
    async with KafkaAdmin(kafka) as admin:
        for topic in (input_topic(made), input_topic(made).dlq):
            await admin.create(topic, 1)
    return made


@asynccontextmanager
async def producing(kafka: Connection) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def event(customer: str) -> bytes:
    return json.dumps({"customer": customer, "items": 1, "at": int(time.time() * 1000)}).encode()


def counted(replay: Replay) -> int:
    (window,) = replay.stream.windows
    return sum(int(str(row.values[0])) for row in replay.recomputed.rows(window))


async def test_it_reads_to_the_end_and_on(kafka: Connection, stream: Stream) -> None:
    """A second look reads what came since, and nothing twice."""
    replay = Replay(kafka, stream)
    told: list[tuple[int, int]] = []
    async with producing(kafka) as producer:
        await replay.catch_up(lambda *numbers: told.append(numbers))
        assert (replay.recomputed.records, told) == (0, [])
        values = [event(f"c{number % 7}") for number in range(50)]
        await producer.publish([Outgoing(stream.name, value[:20], value) for value in values])
        await replay.catch_up(lambda *numbers: told.append(numbers))
        assert told[-1] == (50, 50)
        await producer.publish([Outgoing(stream.name, b"x", event("late")), Outgoing(stream.name, b"x", b"{")])
        await replay.catch_up(lambda *numbers: told.append(numbers))
    assert told[-1] == (2, 2)
    assert replay.recomputed.records == 52
    assert counted(replay) == len(replay.recomputed.readings) == 51
    assert list(replay.recomputed.refused.values()) == [Code.INVALID_JSON]
    assert sum(len(kept) for kept in replay.kept.values()) == 52


async def test_dead_letters_of_its_own_group_are_folded(kafka: Connection, stream: Stream) -> None:
    """One written twice is one; those of other groups that share the topic are theirs."""
    refused = record(b"{", 5, partition=1, topic=stream.name)
    failure = Failure(Code.INVALID_JSON, "no", 1, datetime.now(UTC))
    groups = [f"streaming.{stream.name}", f"streaming.{stream.name}", "db_writer.documents"]
    letters = [
        dead_letter(refused, failure, group=group, service="streaming", dlq_topic=f"{stream.name}.dlq")
        for group in groups
    ]
    async with producing(kafka) as producer:
        await producer.publish(letters)
    replay = Replay(kafka, stream)
    await replay.catch_up(lambda *_: None)
    assert replay.letters == {(1, 5): "invalid_json"}


async def test_a_topic_that_is_not_there_is_told(kafka: Connection) -> None:
    """With what to do about it."""
    replay = Replay(kafka, orders(name=f"none-{uuid4().hex}"))
    with pytest.raises(Transient, match="run `cauce topics apply`"):
        await replay.catch_up(lambda *_: None)
