from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, offset_ranges, read_from
from shared.kafka.probe import round_trips
from shared.kafka.records import Outgoing, Partition, Record
from shared.topics import PROBE, Topic

pytestmark = pytest.mark.fleet


@pytest.fixture
async def topic(kafka: Connection) -> Topic:
    """A new one, with 100 records over three partitions."""
    made = Topic(f"test.{uuid4().hex}", "", 3, timedelta(hours=1))
    async with KafkaAdmin(kafka) as admin:
        await admin.create(made, 1)
    producer = KafkaProducer(kafka)
    await producer.start()
    await producer.publish([Outgoing(made.name, str(n).encode(), b"%d" % n) for n in range(100)])
    await producer.stop()
    return made


async def ends(kafka: Connection, topic: Topic) -> dict[Partition, int]:
    return {partition: held.stop for partition, held in (await offset_ranges(kafka, [topic.name])).items()}


async def test_all_that_was_there_is_read_once(kafka: Connection, topic: Topic) -> None:
    """From the starts to the ends, whichever partition is empty; then it is over."""
    stops = await ends(kafka, topic)
    batches = read_from(kafka, dict.fromkeys(stops, 0), stops)
    values = [int(record.value or b"") async for batch in batches for record in batch]
    assert sorted(values) == list(range(100))


async def test_it_begins_and_stops_where_it_is_told(kafka: Connection, topic: Topic) -> None:
    """Records outside are not handed out, and partitions with nothing to read are left alone."""
    stops = await ends(kafka, topic)
    first = min(stops)
    batches = read_from(kafka, {p: 2 if p == first else stop for p, stop in stops.items()}, {**stops, first: 5})
    assert [record.offset async for batch in batches for record in batch] == [2, 3, 4]
    assert [batch async for batch in read_from(kafka, stops, stops)] == []


async def test_without_ends_it_goes_on(kafka: Connection, topic: Topic) -> None:
    """What comes later is handed out too; nothing for a while is an empty list."""
    batches = read_from(kafka, await ends(kafka, topic))
    assert await anext(batches) == []
    producer = KafkaProducer(kafka)
    await producer.start()
    await producer.publish([Outgoing(topic.name, None, b"late")])
    await producer.stop()
    assert await first_value(batches) == b"late"
    await batches.aclose()


async def first_value(batches: AsyncIterator[list[Record]]) -> bytes | None:
    async for batch in batches:
        if batch:
            return batch[0].value
    return None


async def test_a_probe_comes_back(kafka: Connection) -> None:
    """Written and read again, each in a moment."""
    async with KafkaAdmin(kafka) as admin:
        await admin.create(PROBE, 1)
    times = await round_trips(kafka, 3)
    assert len(times) == 3
    assert all(0 < seconds < 5 for seconds in times)
