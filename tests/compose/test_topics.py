from __future__ import annotations

import pytest

from compose.topics import declare
from shared.kafka.client import Connection, KafkaAdmin
from shared.settings import CommonSettings
from shared.topics import all_topics

pytestmark = pytest.mark.fleet


async def test_the_initialiser_makes_the_declared_topics(kafka: Connection) -> None:
    """Run once or again, every declared topic is there with its partitions."""
    settings = CommonSettings(kafka_bootstrap_servers=kafka.bootstrap_servers, replication_factor=1)
    await declare(settings)
    await declare(settings)
    async with KafkaAdmin(kafka) as admin:
        present = await admin.topics()
    assert {topic.name: present[topic.name].partitions for topic in all_topics()} == {
        topic.name: topic.partitions for topic in all_topics()
    }
