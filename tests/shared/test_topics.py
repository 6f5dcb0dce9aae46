"""What must hold of every declared topic."""

from __future__ import annotations

import pytest

from shared.errors import Fatal
from shared.kafka.client import TopicOnBroker
from shared.kafka.declare import Action, plan
from shared.streams.loading import load_streams
from shared.streams.topics import all_topics
from shared.topics import DOCUMENTS_RAW, PIPELINE, PROCESSED_METRICS, PROCESSED_READINGS, Topic

WRITTEN_BY_SPARK = (PROCESSED_METRICS, PROCESSED_READINGS)
WRITTEN_BY_SERVICES = [topic for topic in PIPELINE if topic.contract and topic not in WRITTEN_BY_SPARK]


@pytest.mark.parametrize("topic", WRITTEN_BY_SERVICES, ids=lambda topic: topic.name)
def test_key_is_a_field_of_the_contract(topic: Topic) -> None:
    """The key of every topic that a service writes names a field of its events (Spark makes its keys itself)."""
    assert topic.contract is not None
    assert topic.key in topic.contract.model_fields


def test_dead_letters_have_room_and_time() -> None:
    """A dead letter may be 64 KiB larger than its record and is kept for 30 days."""
    assert DOCUMENTS_RAW.dlq.max_message_bytes == DOCUMENTS_RAW.max_message_bytes + 64 * 1024
    assert DOCUMENTS_RAW.dlq.config(1)["retention.ms"] == str(30 * 24 * 3600 * 1000)
    topics = all_topics(load_streams())
    assert len({topic.name for topic in topics}) == len(topics)


def test_acknowledged_means_more_than_one_replica() -> None:
    """With three replicas two must have a record before it is acknowledged."""
    assert DOCUMENTS_RAW.config(3)["min.insync.replicas"] == "2"
    assert DOCUMENTS_RAW.config(1)["min.insync.replicas"] == "1"


def test_plan_creates_configures_keeps_and_refuses() -> None:
    """What is missing is created, what differs is configured, what fits is kept, and partitions never change."""
    fits = TopicOnBroker(DOCUMENTS_RAW.name, 6, 1, DOCUMENTS_RAW.config(1))
    differs = TopicOnBroker(DOCUMENTS_RAW.name, 6, 1, {**fits.config, "retention.ms": "1"})
    fewer = TopicOnBroker(DOCUMENTS_RAW.name, 3, 1, fits.config)
    assert [step.action for step in plan([DOCUMENTS_RAW], {}, 1)] == [Action.CREATE]
    assert [step.action for step in plan([DOCUMENTS_RAW], {fits.name: fits}, 1)] == [Action.KEEP]
    (step,) = plan([DOCUMENTS_RAW], {differs.name: differs}, 1)
    assert step.differences == {"retention.ms": ("1", str(30 * 24 * 3600 * 1000))}
    with pytest.raises(Fatal, match="declared with 6 partitions, the broker has 3"):
        plan([DOCUMENTS_RAW], {fewer.name: fewer}, 1)
    with pytest.raises(Fatal, match=r"replication factor 3 \(CAUCE_REPLICATION_FACTOR\), the broker has 1"):
        plan([DOCUMENTS_RAW], {fits.name: fits}, 3)
