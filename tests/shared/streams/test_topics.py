from __future__ import annotations

import pytest

from shared.errors import Fatal
from shared.streams.loading import load_streams
from shared.streams.topics import all_topics, input_topic, published_topic, stream_topics
from shared.topics import EMBEDDINGS_READY, PIPELINE
from tests.shared.streams.samples import orders


def test_an_input_topic_is_as_declared() -> None:
    """Partitions, retention, sizes, compression; the broker's clock gives the timestamps."""
    topic = input_topic(orders(topic={"name": "in", "retention": "1d", "max_message_bytes": "4MiB", "key": "customer"}))
    config = topic.config(1)
    assert (topic.name, topic.key, topic.partitions) == ("in", "customer", 3)
    assert config["retention.ms"] == "86400000"
    assert config["max.message.bytes"] == str(4 * 1024 * 1024)
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert config["compression.type"] == "lz4"
    assert input_topic(orders(**{"topic.compression": "none"})).config(1)["compression.type"] == "producer"


def test_a_pipeline_topic_stays_the_pipelines() -> None:
    """It is not declared twice."""
    stream = orders(topic="embeddings.ready")
    assert input_topic(stream) is EMBEDDINGS_READY
    assert [topic.name for topic in stream_topics([stream])] == []


def test_what_is_published_is_compacted() -> None:
    """Of one window's rows the newest is enough."""
    publish = orders(**{"windows.0.publish": "orders.out"}).windows[0].publish
    assert publish is not None
    topic = published_topic(publish)
    assert (topic.name, topic.key, topic.partitions) == ("orders.out", "window", 1)
    assert topic.config(1)["cleanup.policy"] == "compact,delete"
    assert topic.config(1)["compression.type"] == "gzip"


def test_every_input_has_dead_letters_and_nothing_is_there_twice() -> None:
    """All that the cluster must have, for the shipped streams."""
    names = [topic.name for topic in all_topics(load_streams())]
    assert len(names) == len(set(names))
    assert {topic.name for topic in PIPELINE} <= set(names)
    assert {"ratings", "ratings.dlq", "metrics", "analytics.flink", "embeddings.ready.dlq", "cauce.probe"} <= set(names)
    assert {"metrics.dlq", "cauce.probe.dlq"} & set(names) == set()


def test_one_published_topic_may_be_shared_but_not_contradicted() -> None:
    """Two windows may publish to one topic, if they mean the same one."""
    window = orders().canonical()["windows"][0]
    two = [{**window, "publish": "out"}, {**window, "table": "orders_2m", "top": {"n": 1, "by": "orders"}}]
    two[1]["publish"] = "out"
    assert [topic.name for topic in stream_topics([orders(windows=two)])] == ["orders", "out"]
    two[1]["publish"] = {"topic": "out", "retention": "1d"}
    with pytest.raises(Fatal, match="the topic `out` is declared twice, in different ways"):
        stream_topics([orders(windows=two)])
