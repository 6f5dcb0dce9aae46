"""Topics as values: creation, checks, producers' limits and the documentation all come from here.

Those of the pipeline are named here; those of declared streams follow from `streams/` (shared/streams/topics.py).
`cauce topics apply` creates what is missing and refuses to change what must not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from shared.contracts.base import Event
from shared.contracts.chunks import ChunkProcessed, EmbeddingReady
from shared.contracts.dead_letters import DeadLetterAction
from shared.contracts.documents import DocumentRaw, DocumentStatus
from shared.contracts.fleet import ProcessReport
from shared.contracts.metrics import MetricRow
from shared.contracts.readings import Reading
from shared.contracts.streams import StreamApplied
from shared.contracts.topics import TopicAdopted
from shared.contracts.uploads import UploadReceived

KIB = 1024
MIB = 1024 * KIB
DLQ_HEADER_ROOM = 64 * KIB
DLQ_RETENTION = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's declaration.

    `key` names the field of the contract that is the record's key.
    """

    name: str
    key: str
    partitions: int
    retention: timedelta
    contract: type[Event] | None = None
    compact: bool = False
    max_message_bytes: int = MIB
    log_append_time: bool = False
    """Whether the broker's clock gives the timestamps: where a rule compares them with what a record says."""
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def dlq(self) -> Topic:
        """Where records go that nobody could process: one partition, kept at least 30 days, room for headers."""
        return Topic(
            name=f"{self.name}.dlq",
            key=self.key,
            partitions=1,
            retention=max(DLQ_RETENTION, self.retention),
            max_message_bytes=self.max_message_bytes + DLQ_HEADER_ROOM,
        )

    def config(self, replication_factor: int) -> dict[str, str]:
        """The broker's settings of this topic, by their Kafka names."""
        return {
            "cleanup.policy": "compact,delete" if self.compact else "delete",
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
            "compression.type": "producer",
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime" if self.log_append_time else "CreateTime",
            "min.insync.replicas": str(max(1, replication_factor - 1)),
            "unclean.leader.election.enable": "false",
            **self.settings,
        }


def _days(count: int) -> timedelta:
    return timedelta(days=count)


UPLOADS_RECEIVED = Topic("uploads.received", "document_id", 6, _days(7), UploadReceived, log_append_time=True)
DOCUMENTS_RAW = Topic("documents.raw", "document_id", 6, _days(30), DocumentRaw)
CHUNKS_PROCESSED = Topic("chunks.processed", "document_id", 6, _days(30), ChunkProcessed)
EMBEDDINGS_READY = Topic("embeddings.ready", "document_id", 6, _days(30), EmbeddingReady, log_append_time=True)
DOCUMENTS_STATUS = Topic("documents.status", "document_id", 6, _days(7), DocumentStatus)
PROCESSED_READINGS = Topic("processed.readings.v1", "reading", 3, _days(7), Reading, max_message_bytes=8 * MIB)
STREAMS_CONTROL = Topic(
    "streams.control", "stream", 1, _days(30), StreamApplied, settings={"cleanup.policy": "compact"}
)
"""Which declaration of each stream is in force, and its epoch: kept for ever, the newest of each."""
TOPICS_CONTROL = Topic("topics.control", "topic", 1, _days(30), TopicAdopted, settings={"cleanup.policy": "compact"})
"""Which incarnation of each topic is in force: kept for ever, the newest of each."""
PROCESSED_METRICS = Topic("processed.metrics.v1", "row_key", 3, _days(7), MetricRow, compact=True)

DLQ_ACTIONS = Topic("dlq.actions", "identity", 1, _days(30), DeadLetterAction, settings={"cleanup.policy": "compact"})
"""What was done about each dead letter: kept for ever, the newest of each, so that none is redriven twice."""

FLEET_REPORTS = Topic("fleet.reports", "instance", 1, _days(1), ProcessReport, log_append_time=True)

PROBE = Topic("cauce.probe", "probe", 1, timedelta(hours=1), log_append_time=True)
"""Where `cauce topics verify` writes and reads a record of its own, and the gateway writes one to see a broker's clock;
nobody else does."""

PIPELINE = (
    UPLOADS_RECEIVED,
    DOCUMENTS_RAW,
    CHUNKS_PROCESSED,
    EMBEDDINGS_READY,
    DOCUMENTS_STATUS,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
    STREAMS_CONTROL,
    TOPICS_CONTROL,
    DLQ_ACTIONS,
    FLEET_REPORTS,
    PROBE,
)
"""The topics that are there whatever is declared in `streams/`."""
CONSUMED = (
    UPLOADS_RECEIVED,
    DOCUMENTS_RAW,
    CHUNKS_PROCESSED,
    EMBEDDINGS_READY,
    DOCUMENTS_STATUS,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
)
