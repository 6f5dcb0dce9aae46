from __future__ import annotations

from dataclasses import replace

from cauce.topics import compare
from shared.kafka.client import TopicOnBroker
from shared.topics import UPLOADS_RECEIVED, Topic, all_topics


def as_on_broker(topic: Topic, replication_factor: int = 1) -> TopicOnBroker:
    config = topic.config(replication_factor) | {"segment.bytes": "1073741824"}
    return TopicOnBroker(topic.name, topic.partitions, replication_factor, config)


def test_missing_topics_are_created() -> None:
    """On an empty cluster every declared topic is created."""
    assert compare(all_topics(), {}, 1).create == list(all_topics())


def test_nothing_is_done_twice() -> None:
    """A cluster as declared is left alone, with whatever else it has."""
    present = {topic.name: as_on_broker(topic) for topic in all_topics()}
    present["somebody.elses"] = TopicOnBroker("somebody.elses", 1, 1, {})
    changes = compare(all_topics(), present, 1)
    assert (changes.create, changes.configure, changes.refused) == ([], [], [])


def test_a_changed_setting_is_updated() -> None:
    """What Kafka can change is changed."""
    there = as_on_broker(UPLOADS_RECEIVED)
    there = replace(there, config={**there.config, "retention.ms": "1"})
    assert compare([UPLOADS_RECEIVED], {there.name: there}, 1).configure == [UPLOADS_RECEIVED]


def test_a_changed_partition_count_is_refused() -> None:
    """Both sides are named, since keys would move to other partitions."""
    there = replace(as_on_broker(UPLOADS_RECEIVED), partitions=3)
    (refusal,) = compare([UPLOADS_RECEIVED], {there.name: there}, 1).refused
    assert refusal == "`uploads.received` is declared with 6 partitions, the broker has 3"


def test_a_changed_replication_factor_is_refused() -> None:
    """Both sides are named, and the setting that decides it."""
    there = as_on_broker(UPLOADS_RECEIVED, replication_factor=1)
    (refusal,) = compare([UPLOADS_RECEIVED], {there.name: there}, 3).refused
    assert "replication factor 3 (CAUCE_REPLICATION_FACTOR), the broker has 1" in refusal
