"""What is published arrives once, where its key belongs, in order, and its acknowledgement is true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.errors import Code, Permanent, Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, offset_ranges, read_from
from shared.kafka.records import Acknowledged, Outgoing, Record
from shared.topics import Topic

pytestmark = pytest.mark.fleet

KIB = 1024
MURMUR2 = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536, b"abc": 479470107}
"""From the tests of Kafka's own client."""


@pytest.fixture
async def topic(kafka: Connection) -> Topic:
    return await create(kafka, Topic(f"test.{uuid4().hex}", "", 3, timedelta(hours=1), max_message_bytes=300 * KIB))


async def create(kafka: Connection, topic: Topic) -> Topic:
    async with KafkaAdmin(kafka) as admin:
        await admin.create(topic, 1)
    return topic


@pytest.fixture
async def producer(kafka: Connection) -> AsyncIterator[KafkaProducer]:
    """With batches so small that many are needed."""
    made = KafkaProducer(kafka, batch_bytes=2 * KIB)
    yield made
    await made.stop()


async def read(kafka: Connection, topic: Topic) -> dict[Acknowledged, Record]:
    """By place and time, in the order of offsets."""
    held = await offset_ranges(kafka, [topic.name])
    starts, ends = (
        {place: each.start for place, each in held.items()},
        {place: each.stop for place, each in held.items()},
    )
    found = [record async for batch in read_from(kafka, starts, ends) for record in batch]
    return {Acknowledged(record.partition, record.offset, record.timestamp): record for record in found}


def numbered(topic: Topic, key: bytes | None, count: int, first: int = 0) -> list[Outgoing]:
    return [
        Outgoing(topic.name, key, b"%d " % number + b"x" * 100, (("n", b"%d" % number), ("n", b"again")))
        for number in range(first, first + count)
    ]


@pytest.mark.parametrize("log_append_time", [False, True])
async def test_acknowledgements_are_true(
    kafka: Connection, producer: KafkaProducer, topic: Topic, log_append_time: bool
) -> None:
    """Place and time of every record are those that a reader finds, whoever's clock gives the time, which is told, and
    nothing of the record is changed, however many batches it took."""
    topic = await create(kafka, replace(topic, name=f"{topic.name}.t", log_append_time=log_append_time))
    records = [record for key in (b"a", b"b", b"c", None) for record in numbered(topic, key, 100)]
    before = int(time.time() * 1000)
    acknowledged = await producer.publish(records)
    found = await read(kafka, topic)
    assert len(found) == len(records) == len(set(acknowledged))
    for outgoing, place in zip(records, acknowledged, strict=True):
        record = found[place._replace(broker=None)]
        assert (record.key, record.value, record.headers) == (outgoing.key, outgoing.value, outgoing.headers)
        assert before <= record.timestamp <= int(time.time() * 1000)
    [broker] = await producer.leaders(topic.name)
    assert {place.broker for place in acknowledged} == {broker if log_append_time else None}


async def test_keys_choose_the_partition_that_other_clients_choose(producer: KafkaProducer, topic: Topic) -> None:
    """Spark's and other people's producers hash with murmur2 too: a key means one partition, whoever writes."""
    written = await producer.publish([Outgoing(topic.name, key, b"v") for key in MURMUR2])
    assert [place.partition.number for place in written] == [(each & 0x7FFFFFFF) % 3 for each in MURMUR2.values()]


async def test_publishes_at_once_stay_in_the_order_of_their_calls(
    kafka: Connection, producer: KafkaProducer, topic: Topic
) -> None:
    """Large and small ones, of one key and several batches each, while earlier ones are on their way."""
    sizes = [1, 60, 1, 7, 200, 1, 1, 40] * 5
    firsts = [sum(sizes[:index]) for index in range(len(sizes))]
    calls = (numbered(topic, b"k", size, first) for size, first in zip(sizes, firsts, strict=True))
    await asyncio.gather(*(producer.publish(records) for records in calls))
    values = [int((record.value or b"").split()[0]) for record in (await read(kafka, topic)).values()]
    assert values == list(range(sum(sizes)))


async def test_small_publishes_at_once_share_batches(
    producer: KafkaProducer, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand callers with a record each don't make a thousand requests."""
    await producer.publish(numbered(topic, b"k", 1))
    sent = 0
    send_batch: Callable[..., Awaitable[Any]] = AIOKafkaProducer.send_batch

    async def counting(*args: Any, **named: Any) -> Any:
        nonlocal sent
        sent += 1
        return await send_batch(*args, **named)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", counting)
    await asyncio.gather(*(producer.publish([Outgoing(topic.name, b"%d" % n, b"v")]) for n in range(1_000)))
    assert sent < 50


async def test_a_record_too_large_fails_alone(kafka: Connection, producer: KafkaProducer, topic: Topic) -> None:
    """It is refused for good; what others publish at the same time is written, and so is what comes next, at once."""
    large = Outgoing(topic.name, b"k", uuid4().bytes * 20 * KIB)
    incompressible = large._replace(value=b"".join(uuid4().bytes for _ in range(20 * KIB)))
    before, refused, elsewhere = await asyncio.gather(
        producer.publish(numbered(topic, b"k", 30)),
        producer.publish([incompressible]),
        producer.publish([*numbered(topic, b"abc", 30), *numbered(topic, b"foobar", 30)]),
        return_exceptions=True,
    )
    assert isinstance(refused, Permanent)
    assert refused.code is Code.TOO_LARGE
    assert not isinstance(before, BaseException)
    assert not isinstance(elsewhere, BaseException)
    await producer.publish(numbered(topic, b"k", 30))
    await producer.publish([large])  # what counts are compressed bytes
    assert len(await read(kafka, topic)) == 121


async def test_a_publish_that_is_given_up_harms_no_other(
    kafka: Connection, producer: KafkaProducer, topic: Topic
) -> None:
    """Records of several callers lie in one batch: the one who leaves takes nobody's with him."""
    await producer.start()
    leaving = asyncio.create_task(producer.publish(numbered(topic, b"k", 5)))
    staying = asyncio.create_task(producer.publish(numbered(topic, b"k", 5, 5)))
    await asyncio.sleep(0)
    leaving.cancel()
    places = await staying
    assert set(places) <= set(await read(kafka, topic))


async def test_a_failed_batch_is_an_outage_and_the_next_publish_works(
    kafka: Connection, producer: KafkaProducer, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that shared the batch are told; another client, with a sequence of its own, takes the place of the first."""
    await producer.publish(numbered(topic, b"k", 1))

    async def failing(*_: Any, **__: Any) -> None:
        raise KafkaError("out of order")

    with monkeypatch.context() as patched:
        patched.setattr(AIOKafkaProducer, "send_batch", failing)
        calls = (producer.publish(numbered(topic, b"k", 1)) for _ in range(3))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, Transient) for outcome in outcomes)
    await producer.publish(numbered(topic, b"k", 1))
    assert len(await read(kafka, topic)) == 2
