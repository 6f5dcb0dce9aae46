"""A streaming query as a value, and how one is started: its source, its sink, its checkpoint, its trigger."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from shared.streams.declaration import Mode
from shared.streams.plan import Kind, QueryPlan
from shared.streams.topics import input_topic, published_topic
from shared.streams.units import milliseconds
from shared.topics import PROCESSED_METRICS, PROCESSED_READINGS, Topic
from streaming import clean, windows
from streaming.pools import Pool
from streaming.redriven import ours
from streaming.settings import Settings
from streaming.spreading import spread_milliseconds

# Milliseconds. Shorter than Kafka's own, so that a query which can't reach its broker fails and is started anew.
_REQUEST_TIMEOUT = 10_000
_ANSWER_TIMEOUT = 15_000
_BLOCK_TIMEOUT = 30_000
# In Real-Time Mode a record that times out ends the query minutes into a batch, all of which is then repeated.
_DELIVERY_TIMEOUT = 120_000


@dataclass(frozen=True)
class Query:
    """A plan under an epoch. Windows that begin before `floor` (ms since 1970) lie partly in records that the topic
    has lost already."""

    plan: QueryPlan
    epoch: int
    floor: int | None = None

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def source(self) -> Topic:
        return input_topic(self.plan.stream)

    @property
    def sinks(self) -> tuple[Topic, ...]:
        match self.plan.kind:
            case Kind.CLEAN:
                return (self.source.dlq, PROCESSED_READINGS)
            case Kind.WINDOWS:
                return (PROCESSED_METRICS,)
            case Kind.PUBLISHED:
                return tuple(published_topic(w.publish) for w in self.plan.windows if w.publish)

    def transform(self, records: DataFrame) -> DataFrame:
        """From Kafka records to Kafka records; those that were redriven for another group are left out."""
        records = records.where(ours(f"streaming.{self.plan.stream.name}"))
        if self.plan.kind is Kind.CLEAN:
            return clean.transform(records, self.plan.stream)
        return windows.transform(records, self.plan, self.epoch, self.floor)


def checkpoint_path(query: Query, settings: Settings) -> str:
    """Beneath the setting's URL, by the query's name and a fingerprint of what its state depends on."""
    fingerprint = query.plan.fingerprint(settings.streaming_shuffle_partitions, query.epoch)
    return f"{settings.checkpoint_url.rstrip('/')}/{query.name}-{fingerprint}"


def start(session: SparkSession, query: Query, settings: Settings) -> StreamingQuery:
    """Starts it in its mode, from its checkpoint, or from the topic's first record where there is none."""
    # In Real-Time Mode what waits for others to share a batch is late; not to wait at all is a request for each row.
    writer = _writer(session, query, settings).option("kafka.linger.ms", "1")
    if query.plan.mode is Mode.REALTIME:
        duration = realtime_milliseconds(query.name, settings)
        return writer.trigger(realTime=f"{duration} milliseconds").start()  # type: ignore[call-overload,no-any-return]
    return writer.trigger(processingTime=f"{milliseconds(query.plan.trigger)} milliseconds").start()


def realtime_milliseconds(query_name: str, settings: Settings) -> int:
    """The setting is the most. Queries that started together would else end their batches together for ever, each
    waiting for the others' planning and commits."""
    return spread_milliseconds(query_name, settings.streaming_realtime_duration)


def start_catching_up(session: SparkSession, query: Query, settings: Settings) -> StreamingQuery:
    """Starts one micro-batch with everything that is there now; the query ends after it.

    In one batch no row is dropped, however far apart in time its partitions are: the watermark moves between batches.
    And it needs one row per window to be written, not one per event.
    """
    return _writer(session, query, settings).trigger(availableNow=True).start()


def _writer(session: SparkSession, query: Query, settings: Settings) -> DataStreamWriter:
    session.sparkContext.setLocalProperty("spark.scheduler.pool", Pool.STREAMING)
    records = session.readStream.format("kafka").options(**source_options(query, settings)).load()
    return (
        query.transform(records)
        .writeStream.format("kafka")
        .queryName(query.name)
        .outputMode("update")
        .options(**sink_options(query, settings))
    )


def source_options(query: Query, settings: Settings) -> dict[str, str]:
    """`failOnDataLoss` is on: when the checkpoint's next records are gone (retention, or the topic was made anew), the
    counts would be too low without anyone knowing. The query then fails, and `/ready` says what can be done."""
    return {
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
        "subscribe": query.source.name,
        "includeHeaders": "true",
        "startingOffsets": "earliest",
        "kafka.isolation.level": "read_committed",
        "failOnDataLoss": str(settings.streaming_fail_on_data_loss).lower(),
        "groupIdPrefix": f"cauce-streaming-{query.name}",
        "fetchOffset.numRetries": "1",
        # A micro-batch's task waits this long at its end for records that aren't there yet: Kafka's half second is most
        # of a batch. In Real-Time Mode the broker answers as soon as it has one; each partition of each query asks, and
        # asking less often is what an idle fleet saves most by. Shorter than a request may take.
        "kafka.fetch.max.wait.ms": "5000" if query.plan.mode is Mode.REALTIME else "20",
        "kafka.max.partition.fetch.bytes": str(query.source.max_message_bytes),
        "kafka.request.timeout.ms": str(_REQUEST_TIMEOUT),
        "kafka.default.api.timeout.ms": str(_ANSWER_TIMEOUT),
    }


def sink_options(query: Query, settings: Settings) -> dict[str, str]:
    """No topic's records exceed what its declaration allows, since the producer refuses above the greatest."""
    return {
        "checkpointLocation": checkpoint_path(query, settings),
        "includeHeaders": "true",
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
        "kafka.acks": "all",
        "kafka.enable.idempotence": "true",
        "kafka.compression.type": "zstd",
        "kafka.linger.ms": "5",
        "kafka.batch.size": "262144",
        "kafka.max.request.size": str(max(topic.max_message_bytes for topic in query.sinks)),
        "kafka.max.block.ms": str(_BLOCK_TIMEOUT),
        "kafka.request.timeout.ms": str(_REQUEST_TIMEOUT),
        "kafka.delivery.timeout.ms": str(_DELIVERY_TIMEOUT),
    }
