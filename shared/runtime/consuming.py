"""A consume loop on the real Kafka, as the settings that all services share want it."""

from __future__ import annotations

from dataclasses import replace

from shared.errors import Fatal
from shared.kafka.client import Connection, KafkaConsumer
from shared.kafka.loop import ConsumeLoop
from shared.kafka.pipeline import DeadLetterPolicy, Pipeline
from shared.kafka.transport import Producer
from shared.settings import CommonSettings
from shared.topics import CONSUMED


def consume_loop(
    settings: CommonSettings, connection: Connection, pipeline: Pipeline, producer: Producer
) -> ConsumeLoop:
    """The pipeline with the settings' policy of dead letters, and a consumer of its group.

    Raises Fatal where the policy names a topic that nobody reads: it would be a slip of the pen that changes nothing.
    """
    if unknown := settings.stop_on_failure - {topic.name for topic in CONSUMED}:
        known = ", ".join(topic.name for topic in CONSUMED)
        raise Fatal(f"`CAUCE_STOP_ON_FAILURE`: no service reads {', '.join(sorted(unknown))}; there are: {known}")
    topics = [topic.name for topic in pipeline.topics]
    consumer = KafkaConsumer(
        connection,
        pipeline.group,
        topics,
        drain=settings.drain_seconds,
        instance=settings.instance,
        progress=pipeline.progress,
    )
    policy = DeadLetterPolicy(settings.dead_letter_run, settings.dead_letter_share, settings.stop_on_failure)
    return ConsumeLoop(replace(pipeline, dead_letters=policy), consumer, producer)
