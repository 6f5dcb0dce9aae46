"""A streaming query as a value, and how one is started: its source, its sink, its checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from shared.topics import ANALYTICS_FLINK, EMBEDDINGS_READY, PROCESSED_METRICS, Topic
from streaming import chunk_counts
from streaming.settings import Settings

# Milliseconds. Shorter than Kafka's own, so that a query which can't reach its broker fails and is started anew.
_REQUEST_TIMEOUT = 10_000
_ANSWER_TIMEOUT = 15_000
_DELIVERY_TIMEOUT = 30_000


@dataclass(frozen=True)
class Query:
    """`state` is all that the meaning and the form of its state depend on: another state has another checkpoint."""

    name: str
    source: Topic
    sinks: tuple[Topic, ...]
    state: tuple[str | int, ...]
    transform: Callable[[DataFrame], DataFrame]


def chunk_counts_query(settings: Settings) -> Query:
    """Chunks per company and minute. Its watermark and trigger may change on the same checkpoint."""

    def transform(records: DataFrame) -> DataFrame:
        return chunk_counts.transform(
            records,
            watermark=settings.streaming_watermark,
            max_ahead=settings.streaming_max_ahead,
            epoch=settings.streaming_epoch,
        )

    window = int(chunk_counts.WINDOW.total_seconds())
    partitions = settings.streaming_shuffle_partitions
    return Query(
        name="chunk_counts",
        source=EMBEDDINGS_READY,
        sinks=(ANALYTICS_FLINK, PROCESSED_METRICS),
        state=(chunk_counts.LAYOUT, EMBEDDINGS_READY.name, window, partitions, settings.streaming_epoch),
        transform=transform,
    )


def checkpoint_path(base_url: str, query: Query) -> str:
    """Beneath `base_url`, by the query's name and a hash of what its state depends on."""
    digest = hashlib.sha256(json.dumps(query.state).encode()).hexdigest()[:16]
    return f"{base_url.rstrip('/')}/{query.name}-{digest}"


def start(session: SparkSession, query: Query, settings: Settings) -> StreamingQuery:
    """Starts it from its checkpoint, or from the topic's first record where there is none."""
    records = session.readStream.format("kafka").options(**source_options(query, settings)).load()
    return (
        query.transform(records)
        .writeStream.format("kafka")
        .queryName(query.name)
        .outputMode("update")
        .trigger(processingTime=f"{settings.streaming_trigger.total_seconds() * 1000:.0f} milliseconds")
        .options(**sink_options(query, settings))
        .start()
    )


def source_options(query: Query, settings: Settings) -> dict[str, str]:
    """`failOnDataLoss` is on: when the checkpoint's next records are gone (kept for 30 days, or the topic was made
    anew), the counts would be too low without anyone knowing. The process then ends and says what can be done."""
    return {
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
        "subscribe": query.source.name,
        "startingOffsets": "earliest",
        "failOnDataLoss": str(settings.streaming_fail_on_data_loss).lower(),
        "maxOffsetsPerTrigger": str(settings.streaming_max_offsets_per_trigger),
        "groupIdPrefix": f"cauce-streaming-{query.name}",
        "fetchOffset.numRetries": "1",
        # A task waits this long at its end for records that aren't there yet: Kafka's half second is most of a batch.
        "kafka.fetch.max.wait.ms": "20",
        "kafka.max.partition.fetch.bytes": str(query.source.max_message_bytes),
        "kafka.request.timeout.ms": str(_REQUEST_TIMEOUT),
        "kafka.default.api.timeout.ms": str(_ANSWER_TIMEOUT),
    }


def sink_options(query: Query, settings: Settings) -> dict[str, str]:
    """No topic's records exceed what its declaration allows, since the producer refuses above the greatest."""
    return {
        "checkpointLocation": checkpoint_path(settings.checkpoint_url, query),
        "includeHeaders": "true",
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
        "kafka.acks": "all",
        "kafka.enable.idempotence": "true",
        "kafka.compression.type": "zstd",
        "kafka.linger.ms": "5",
        "kafka.batch.size": "262144",
        "kafka.max.request.size": str(max(topic.max_message_bytes for topic in query.sinks)),
        "kafka.max.block.ms": str(_DELIVERY_TIMEOUT),
        "kafka.request.timeout.ms": str(_REQUEST_TIMEOUT),
        "kafka.delivery.timeout.ms": str(_DELIVERY_TIMEOUT),
    }
