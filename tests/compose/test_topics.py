from __future__ import annotations

import pytest

from compose.topics import declare
from shared.kafka.client import Connection, KafkaAdmin
from shared.settings import CommonSettings
from shared.streams.loading import load_streams
from shared.streams.topics import all_topics

pytestmark = pytest.mark.fleet


async def test_the_initialiser_makes_the_declared_topics(kafka: Connection) -> None:
    """Run once or again, every declared topic is there with its partitions."""
    settings = CommonSettings(kafka_bootstrap_servers=kafka.bootstrap_servers, replication_factor=1)
    await declare(settings)
    await declare(settings)
    async with KafkaAdmin(kafka) as admin:
        present = await admin.topics()
    declared = {topic.name: topic.partitions for topic in all_topics(load_streams())}
    assert {name: present[name].partitions for name in declared} == declared
