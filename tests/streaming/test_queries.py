from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY
from pyspark.sql.streaming.listener import StreamingQueryProgress

from shared.streams.declaration import Mode, Stream
from shared.streams.loading import load_streams
from shared.streams.plan import Kind, query_plans
from shared.topics import PROCESSED_METRICS, PROCESSED_READINGS
from streaming import untimely
from streaming.metrics import LAST_ERROR, record_failure
from streaming.progress import Pulse, record, record_untimely
from streaming.queries import Query, checkpoint_path, realtime_milliseconds, sink_options, source_options
from streaming.untimely import RecentShare
from streaming.validate import CODES, VERDICTS
from tests.streaming.conftest import make_settings

STREAMS = {stream.name: stream for stream in load_streams()}
RATINGS = STREAMS["ratings"]


def query(kind: Kind, stream: Stream = RATINGS, epoch: int = 1) -> Query:
    return Query(next(plan for plan in query_plans(stream) if plan.kind is kind), epoch)


def path(of: Query, partitions: int = 2) -> str:
    settings = make_settings(checkpoint_url="s3a://bucket/dir/", streaming_shuffle_partitions=partitions)
    return checkpoint_path(of, settings)


def test_checkpoint_is_kept_while_the_state_is_the_same() -> None:
    """What doesn't change the state, such as lateness, limits and the mode, leaves the checkpoint where it is: a reset
    is what begins a new one."""
    changed = RATINGS.model_copy(
        update={
            "mode": Mode.MICRO_BATCH,
            "description": "other",
            "event_time": RATINGS.event_time.model_copy(update={"lateness": None}),
        }
    )
    assert path(query(Kind.WINDOWS, changed)) == path(query(Kind.WINDOWS))
    assert path(query(Kind.WINDOWS)).startswith("s3a://bucket/dir/ratings.windows.")


def test_checkpoint_follows_the_state() -> None:
    """Another epoch, number of state partitions, window or aggregate gives another checkpoint beside the old one."""
    plan = query(Kind.WINDOWS).plan
    fewer = replace(plan, windows=plan.windows[:1])
    wider = replace(plan, windows=tuple(window.model_copy(update={"size": window.size * 2}) for window in plan.windows))
    paths = [
        path(query(Kind.WINDOWS)),
        path(query(Kind.WINDOWS, epoch=2)),
        path(query(Kind.WINDOWS), partitions=4),
        path(Query(wider, 1)),
        path(Query(fewer, 1)) if len(plan.windows) > 1 else "none",
    ]
    assert len(set(paths)) == len(paths)


def test_readings_that_are_asked_for_later_come_from_the_beginning() -> None:
    """The stateless query begins anew when its readings go elsewhere, so that none is missing there."""
    sound = STREAMS["sensors.sound"]
    assert path(query(Kind.CLEAN, sound)) != path(query(Kind.CLEAN, sound.model_copy(update={"readings": None})))


@pytest.mark.parametrize(
    ("kind", "sinks"),
    [
        (Kind.CLEAN, {"ratings.dlq", PROCESSED_READINGS.name}),
        (Kind.WINDOWS, {PROCESSED_METRICS.name}),
        (Kind.PUBLISHED, {"metrics"}),
    ],
)
def test_limits_come_from_the_declarations(kind: Kind, sinks: set[str]) -> None:
    """What Kafka may be asked to carry follows from the topics' declarations."""
    settings, asked = make_settings(), query(kind)
    assert {topic.name for topic in asked.sinks} == sinks
    limit = str(max(topic.max_message_bytes for topic in asked.sinks))
    assert sink_options(asked, settings)["kafka.max.request.size"] == limit
    source = source_options(asked, settings)
    assert source["kafka.max.partition.fetch.bytes"] == str(asked.source.max_message_bytes)
    assert source["startingOffsets"] == "earliest"


def test_a_pulse_tells_silence() -> None:
    """A query that was heard of just now is not overdue, one that failed says why, and one that has signs only now and
    then has its time."""
    pulse = Pulse(every_s=300)
    assert (pulse.ready, pulse.problem) == (False, "not started yet")
    pulse.beat(ready=True)
    assert pulse.ready
    assert pulse.silence_s < 1
    assert pulse.overdue_s < -298
    pulse.beaten -= 400
    assert pulse.overdue_s > 99
    pulse.begin()
    assert pulse.overdue_s < -298
    assert pulse.ready
    pulse.fail("the topic is gone")
    assert (pulse.ready, pulse.problem) == (False, "the topic is gone")


def test_a_failure_is_told_until_the_query_runs_again() -> None:
    """While a failed query is tried again its reason stays to be seen, and whether the next try will do better."""
    pulse = Pulse()
    pulse.fail("its records are gone", lasting=True)
    pulse.beat(ready=False)
    assert (pulse.problem, pulse.lasting) == ("its records are gone", True)
    pulse.beat(ready=True)
    assert (pulse.problem, pulse.lasting) == ("", False)
    pulse.beat(ready=False)
    assert pulse.problem == "the query has not answered since its last start"


def progress(**values: object) -> StreamingQueryProgress:
    """As Spark's listener gives it."""
    operator = {
        "operatorName": "stateStoreSave",
        "numRowsTotal": 7,
        "numRowsUpdated": 1,
        "numRowsRemoved": 0,
        "allUpdatesTimeMs": 1,
        "allRemovalsTimeMs": 1,
        "commitTimeMs": 1,
        "memoryUsedBytes": 9,
        "numRowsDroppedByWatermark": 3,
        "numShufflePartitions": 2,
        "numStateStoreInstances": 2,
        "customMetrics": {},
    }
    base = {
        "id": "00000000-0000-0000-0000-000000000001",
        "runId": "00000000-0000-0000-0000-000000000002",
        "name": "q",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "batchId": 4,
        "batchDuration": 5,
        "durationMs": {"triggerExecution": 1500},
        "eventTime": {"watermark": "2026-01-01T00:00:00.000Z"},
        "stateOperators": [operator],
        "sources": [],
        "sink": {"description": "kafka", "numOutputRows": 1, "metrics": {}},
        "numInputRows": 8,
        "inputRowsPerSecond": 1.0,
        "processedRowsPerSecond": 1.0,
        "observedMetrics": {},
    }
    return StreamingQueryProgress.fromJson({**base, **values})


def test_batches_of_different_queries_end_at_different_times() -> None:
    """None is longer than the setting, none is shorter than four fifths of it, and they are well apart."""
    settings = make_settings(streaming_realtime_duration=300)
    names = [plan.name for stream in STREAMS.values() for plan in query_plans(stream)]
    durations = sorted(realtime_milliseconds(name, settings) for name in names)
    assert 240_000 <= durations[0] < durations[-1] <= 300_000
    assert len({duration // 1_000 for duration in durations}) > len(names) / 2


def test_progress_becomes_metrics() -> None:
    """Rows read and in the state, the watermark, and what it dropped, which is an alarm, are on Prometheus."""
    record("test_progress", progress())
    names = (
        "rows_total",
        "input_rows_per_second",
        "state_rows",
        "dropped_by_watermark_total",
        "watermark_timestamp_seconds",
    )
    found = [REGISTRY.get_sample_value(f"cauce_streaming_{name}", {"query": "test_progress"}) for name in names]
    assert found == [8, 1.0, 7, 3, datetime(2026, 1, 1, tzinfo=UTC).timestamp()]


def test_many_late_events_are_told_by_their_share() -> None:
    """Of the newest thousand records: as a metric, and from a fifth on as a sentence; older batches are forgotten."""
    share = RecentShare()
    for records, late, future in ((900, 0, 0), (100, 20, 10), (0, 0, 0), (900, 300, 100)):
        counts = {code.value: 0 for code in CODES} | {"rows": records, "late": late, "future": future}
        record_untimely("orders.clean", progress(observedMetrics={VERDICTS: counts}), share)
    record_untimely("orders.clean", progress(), share)
    assert (share.records, share.value) == (1_000, 0.43)
    assert REGISTRY.get_sample_value("cauce_streaming_untimely_share", {"query": "orders.clean"}) == 0.43
    [(name, sentence)] = untimely.warnings({"orders.clean": share, "others.clean": RecentShare()}).items()
    assert name == "stream orders"
    assert sentence.startswith("43% of the last 1000 events were late or from the future")


@pytest.mark.parametrize(("records", "late"), [(49, 49), (1_000, 199), (100, 0)])
def test_stragglers_are_not_told(records: int, late: int) -> None:
    """Neither some among many, nor many of very few."""
    share = RecentShare()
    share.add(records, late)
    assert share.sentence is None


def test_the_last_error_is_told_by_its_name() -> None:
    """A query has one last error at a time, so that Prometheus keeps no row for each that ever was."""
    for error in ("KAFKA_DATA_LOSS", "Py4JJavaError"):
        record_failure("test_errors", error)
    told = [
        (sample.labels["error"], sample.value)
        for sample in next(iter(LAST_ERROR.collect())).samples
        if sample.labels["query"] == "test_errors"
    ]
    assert [name for name, _ in told] == ["Py4JJavaError"]
    assert told[0][1] == pytest.approx(time.time(), abs=60)
    assert REGISTRY.get_sample_value("cauce_streaming_failures_total", {"query": "test_errors"}) == 2
