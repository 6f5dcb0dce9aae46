"""What a streaming query tells Prometheus; `query` is the query's name."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

BATCHES = Histogram(
    "cauce_streaming_batch_seconds",
    "Time a batch took, from its trigger to its commit; in Real-Time Mode a batch lasts for its duration",
    ["query"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
INPUT_RATE = Gauge("cauce_streaming_input_rows_per_second", "Records per second, in the last batch", ["query"])
ROWS = Counter("cauce_streaming_rows_total", "Records read, repetitions included", ["query"])
REFUSED = Counter("cauce_streaming_refused_rows_total", "Events sent to the dead letters, by code", ["query", "code"])
UNTIMELY = Gauge(
    "cauce_streaming_untimely_share",
    "Which part of the last events, 1,000 at least, was late or from the future: many are a clock that is wrong",
    ["query"],
)
DROPPED = Counter(
    "cauce_streaming_dropped_by_watermark_total",
    "Records, or groups of them, that came too late to be counted: any is an alarm",
    ["query"],
)
BEHIND = Gauge("cauce_streaming_offsets_behind", "How far the slowest input partition is behind its end", ["query"])
WATERMARK = Gauge(
    "cauce_streaming_watermark_timestamp_seconds", "The watermark of the last batch, since 1970", ["query"]
)
STATE_ROWS = Gauge("cauce_streaming_state_rows", "Keys in the state", ["query"])
STATE_BYTES = Gauge("cauce_streaming_state_bytes", "Memory that the state uses", ["query"])
FAILURES = Counter("cauce_streaming_failures_total", "Failures of a query; each is followed by a restart", ["query"])
LAST_ERROR = Gauge(
    "cauce_streaming_last_error_timestamp_seconds",
    "When a query failed last, since 1970, and with what; the whole sentence is in /ready and in the log",
    ["query", "error"],
)


def record_failure(query: str, error: str) -> None:
    """`error` is a name, not a sentence: it is a label. Of each query there is one at a time."""
    FAILURES.labels(query).inc()
    LAST_ERROR.remove_by_labels({"query": query})
    LAST_ERROR.labels(query, error).set_to_current_time()
