"""The topics that follow from declarations, beside those of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.errors import Fatal
from shared.streams.declaration import Publish, Stream
from shared.topics import CONSUMED, PIPELINE, Topic


def input_topic(stream: Stream) -> Topic:
    """The one that a stream's events are in."""
    declared = stream.topic
    found = next((topic for topic in PIPELINE if topic.name == stream.topic_name), None)
    if found is not None:
        return found
    return Topic(
        name=stream.topic_name,
        key=declared.key or "",
        partitions=declared.partitions,
        retention=declared.retention,
        max_message_bytes=declared.max_message_bytes,
        log_append_time=True,
        settings={"compression.type": "producer" if declared.compression == "none" else declared.compression},
    )


def published_topic(publish: Publish) -> Topic:
    """Updates of window rows: of one window the greatest count is the valid one."""
    return Topic(
        name=publish.topic,
        key=publish.key,
        partitions=1,
        retention=publish.retention,
        compact=True,
        settings={"compression.type": publish.compression},
    )


def stream_topics(streams: Sequence[Stream]) -> tuple[Topic, ...]:
    """Inputs and published ones, each once, without those of the pipeline. Raises Fatal where two files contradict
    each other about a published topic."""
    topics: dict[str, Topic] = {}
    for topic in (*map(input_topic, streams), *map(published_topic, _published(streams))):
        if topics.setdefault(topic.name, topic) != topic:
            raise Fatal(f"streams: the topic `{topic.name}` is declared twice, in different ways")
    return tuple(topic for topic in topics.values() if topic not in PIPELINE)


def all_topics(streams: Sequence[Stream]) -> tuple[Topic, ...]:
    """Every declared topic, then the dead letters of each that somebody consumes."""
    return PIPELINE + stream_topics(streams) + tuple(topic.dlq for topic in consumed_topics(streams))


def consumed_topics(streams: Sequence[Stream]) -> tuple[Topic, ...]:
    """Those that somebody consumes, who may give up on a record: each has a `.dlq`."""
    return tuple({topic.name: topic for topic in (*CONSUMED, *map(input_topic, streams))}.values())


def _published(streams: Iterable[Stream]) -> list[Publish]:
    return [window.publish for stream in streams for window in stream.windows if window.publish]
