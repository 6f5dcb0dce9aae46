"""The past again: whole topics read twice, old versions after new ones."""

from __future__ import annotations

import asyncio
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.kafka.client import KafkaProducer
from shared.kafka.records import Outgoing
from shared.topics import (
    CHUNKS_PROCESSED,
    DOCUMENTS_RAW,
    DOCUMENTS_STATUS,
    EMBEDDINGS_READY,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
)
from tests.faults.cases import Act, Case
from tests.faults.seen import reads, records_of
from tests.faults.world import HOPS

GROUPS_OF = {hop: (hop,) for hop in HOPS} | {
    "db_writer": ("db_writer.documents", "db_writer.metrics", "db_writer.readings")
}
AGAIN = (DOCUMENTS_RAW, CHUNKS_PROCESSED, EMBEDDINGS_READY, DOCUMENTS_STATUS, PROCESSED_METRICS, PROCESSED_READINGS)
FORGOTTEN_WITHIN = 60.0
SAME = "everything comes out the same"


def cases() -> list[Case]:
    rewound = [
        Case("replay", hop, "its topics from their start, a second time", SAME, partial(rewind, hop)) for hop in HOPS
    ]
    written = [
        Case("replay", topic.name, "its records once more, in reverse", SAME, partial(reverse, topic.name), quick=quick)
        for topic in AGAIN
        for quick in [topic is PROCESSED_METRICS]
    ]
    return [*rewound, *written]


async def rewind(hop: str, act: Act) -> None:
    await act.load.send()
    await act.settled()
    act.world.stop(hop)
    for group in GROUPS_OF[hop]:
        await _go_back(act, group)
    await act.world.restart(hop)


async def _go_back(act: Act, group: str) -> None:
    """To the case's first records. A group is its members' own until the last of them is forgotten."""
    starts = {TopicPartition(*place): offset for place, offset in act.truth.starts.items() if reads(group, place.topic)}
    client = AIOKafkaConsumer(
        bootstrap_servers=act.world.kafka.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    await client.start()
    try:
        client.assign(list(starts))
        async with asyncio.timeout(FORGOTTEN_WITHIN):
            while not await _taken(client, starts):  # noqa: ASYNC110 only the broker knows when
                await asyncio.sleep(1)
    finally:
        await client.stop()


async def _taken(client: AIOKafkaConsumer, starts: dict[TopicPartition, int]) -> bool:
    try:
        await client.commit({place: starts[place] for place in client.assignment()})
    except KafkaError:
        return False
    return True


async def reverse(topic: str, act: Act) -> None:
    """As a redrive or a late zombie would write them: each with its key and its bytes, the newest first."""
    await act.load.send()
    await act.settled()
    records = (await records_of(act.world, act.truth))[topic]
    producer = KafkaProducer(act.world.kafka)
    await producer.publish([Outgoing(topic, record.key, record.value, record.headers) for record in records[::-1]])
    await producer.stop()
