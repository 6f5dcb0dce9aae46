"""Records as a redrive writes them."""

from __future__ import annotations

from shared.kafka.records import Partition, Record


def redriven(record: Record, times: int = 1, group: str = "a group", later: int = 1000) -> Record:
    """The same record `later` offsets and milliseconds after its first position, in another partition."""
    first = record.first
    facts = {
        "source_topic": first.partition.topic,
        "source_partition": str(first.partition.number),
        "source_offset": str(first.offset),
        "source_timestamp": str(first.timestamp),
        "target_group": group,
        "redrive_count": str(times),
    }
    own = tuple(header for header in record.headers if not header[0].startswith("dlq_"))
    return record._replace(
        partition=Partition(first.partition.topic, first.partition.number + 1),
        offset=first.offset + later,
        timestamp=first.timestamp + later,
        headers=(*own, *((f"dlq_{name}", text.encode()) for name, text in facts.items())),
    )
