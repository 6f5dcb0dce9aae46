"""Topics that are deleted and made anew, and the adoption of what was made, for tests on a real broker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from aiokafka.admin import AIOKafkaAdminClient

from shared.contracts.topics import TopicAdopted
from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer
from shared.kafka.client.identity import identities
from shared.kafka.records import Emit, encode
from shared.topics import TOPICS_CONTROL, Topic

DEADLINE_SECONDS = 30.0


async def delete_topic(connection: Connection, topic: Topic) -> None:
    """Returns when the broker has heard of it; the topic goes a moment later."""
    admin = AIOKafkaAdminClient(bootstrap_servers=connection.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([topic.name])
    finally:
        await admin.close()


async def make_anew(connection: Connection, topic: Topic) -> None:
    """Returns when the topic is there again, under another id."""
    before = (await identities(connection, [topic.name]))[topic.name].topic_id
    await delete_topic(connection, topic)
    async with asyncio.timeout(DEADLINE_SECONDS), KafkaAdmin(connection) as creating:
        while await _topic_id(connection, topic) in (before, None):
            try:
                await creating.create(topic, 1)
            except Transient:
                await asyncio.sleep(0.1)


async def _topic_id(connection: Connection, topic: Topic) -> str | None:
    found = (await identities(connection, [topic.name])).get(topic.name)
    return None if found is None else found.topic_id


async def adopt(connection: Connection, topic: Topic, *, stored: bool = False) -> None:
    """Records that the topic is the right one as it is now, and whether the store knows."""
    topic_id = (await identities(connection, [topic.name]))[topic.name].topic_id
    now = datetime.now(UTC)
    adopted = TopicAdopted(topic=topic.name, topic_id=topic_id, incarnation=1, since=now, stored=stored, adopted_at=now)
    producer = KafkaProducer(connection)
    try:
        await producer.publish(encode([Emit(TOPICS_CONTROL, adopted)], "tests"))
    finally:
        await producer.stop()
