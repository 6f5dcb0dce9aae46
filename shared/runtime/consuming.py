"""A consume loop on the real Kafka, as the settings that all services share want it."""

from __future__ import annotations

from dataclasses import replace

from shared.kafka.client import Connection, KafkaConsumer
from shared.kafka.loop import ConsumeLoop
from shared.kafka.pipeline import DeadLetterPolicy, Pipeline
from shared.kafka.transport import Producer
from shared.settings import CommonSettings


def consume_loop(
    settings: CommonSettings, connection: Connection, pipeline: Pipeline, producer: Producer
) -> ConsumeLoop:
    """The pipeline with the settings' policy of dead letters, and a consumer of its group."""
    topics = [topic.name for topic in pipeline.topics]
    consumer = KafkaConsumer(
        connection, pipeline.group, topics, drain=settings.drain_seconds, instance=settings.instance
    )
    policy = DeadLetterPolicy(settings.dead_letter_run, settings.dead_letter_share, settings.stop_on_failure)
    return ConsumeLoop(replace(pipeline, dead_letters=policy), consumer, producer)
