from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import StreamingQueryProgress

from shared.topics import EMBEDDINGS_READY
from streaming.progress import Pulse, record
from streaming.queries import Query, checkpoint_path, chunk_counts_query, sink_options, source_options
from tests.streaming.conftest import make_settings
from tests.streaming.test_chunk_counts import event

QUERY = chunk_counts_query(make_settings())


def test_checkpoint_is_kept_while_the_state_is_the_same() -> None:
    """What doesn't change the state, such as the watermark and the trigger, leaves the checkpoint where it is."""
    other = chunk_counts_query(
        make_settings(streaming_watermark=timedelta(days=9), streaming_trigger=timedelta(seconds=5))
    )
    assert checkpoint_path("/base/", other) == checkpoint_path("/base", QUERY)


@pytest.mark.parametrize("change", [{"streaming_epoch": 2}, {"streaming_shuffle_partitions": 4}])
def test_checkpoint_follows_the_state(change: dict[str, int]) -> None:
    """What changes the state's meaning or form gives another checkpoint beside the old one."""
    changed = checkpoint_path("s3a://bucket/dir", chunk_counts_query(make_settings(**change)))
    assert changed != checkpoint_path("s3a://bucket/dir", QUERY)
    assert changed.startswith("s3a://bucket/dir/chunk_counts-")


def test_checkpoint_follows_the_layout() -> None:
    """Another layout of the state gives another checkpoint."""
    assert checkpoint_path("/base", replace(QUERY, state=("other", *QUERY.state[1:]))) != checkpoint_path(
        "/base", QUERY
    )


def test_limits_come_from_the_declarations() -> None:
    """What Kafka may be asked to carry follows from the topics' declarations."""
    settings = make_settings()
    assert source_options(QUERY, settings)["kafka.max.partition.fetch.bytes"] == str(EMBEDDINGS_READY.max_message_bytes)
    assert sink_options(QUERY, settings)["kafka.max.request.size"] == str(
        max(topic.max_message_bytes for topic in QUERY.sinks)
    )


def write(folder: Path, batch: int, *values: bytes) -> None:
    """A batch of records as a file; Spark takes them in the order of their times."""
    rows = (json.dumps({"value": value.decode(), "timestamp": "2026-01-20T00:00:00.000Z"}) for value in values)
    file = folder / f"{batch}.json"
    file.write_text("\n".join(rows))
    os.utime(file, (batch, batch))


def run(spark: SparkSession, query: Query, folder: Path) -> tuple[list[tuple[str, int]], list[StreamingQueryProgress]]:
    """All batches, one file each: every key and count in the order they came out, and each batch's progress."""
    records = spark.readStream.schema("value string, timestamp timestamp").option("maxFilesPerTrigger", 1)
    rows = query.transform(records.json(str(folder))).where("topic = 'processed.metrics.v1'").select("key", "value")
    output = rows.writeStream.format("memory").queryName("test_counts").outputMode("update")
    running = output.trigger(availableNow=True).start()
    running.awaitTermination()
    written = spark.table("test_counts").collect()
    return [(row.key, json.loads(row.value)["chunk_count"]) for row in written], running.recentProgress


def test_state_over_batches(spark: SparkSession, tmp_path: Path) -> None:
    """A chunk repeated later counts once, a late one counts, one beyond the watermark is dropped and told."""
    first = event(chunk_id="a", received_at="2026-01-10T00:00:01.000Z")
    late = event(chunk_id="b", received_at="2026-01-10T00:00:02.000Z")
    too_late = event(chunk_id="c", received_at="2026-01-10T00:00:03.000Z")
    write(tmp_path, 1, first, b"nope")
    write(tmp_path, 2, event(received_at="2026-01-12T00:00:00.000Z"))
    write(tmp_path, 3, first, late)
    # The watermark that a batch moves holds for late rows from the batch after the next.
    write(tmp_path, 4, event(received_at="2026-01-19T00:00:00.000Z"))
    write(tmp_path, 5, event(received_at="2026-01-19T00:00:00.000Z"))
    write(tmp_path, 6, too_late)

    written, batches = run(spark, QUERY, tmp_path)

    key = "chunk_counts_1m|2026-01-10T00:00:00.000Z|acme"
    assert [count for written_key, count in written if written_key == key] == [1, 2]
    for progress in batches:
        record("test_counts", progress)
    metric = partial(REGISTRY.get_sample_value, labels={"query": "test_counts"})
    assert metric("cauce_streaming_rows_total") == 8
    assert metric("cauce_streaming_invalid_rows_total") == 1
    assert metric("cauce_streaming_dropped_by_watermark_total") == 1


def test_a_pulse_tells_silence() -> None:
    """A query that was heard of just now is not stalled, and is ready only when it said so."""
    pulse = Pulse()
    assert not pulse.ready
    pulse.beat(ready=True)
    assert pulse.ready
    assert pulse.silence_s < 1
