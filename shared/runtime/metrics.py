"""Every metric, once, with its meaning; names follow Prometheus' conventions (base units, `_total` for counters)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS_IN = Counter("cauce_records_in_total", "Records read, repetitions included", ["service", "topic"])
RECORDS_OUT = Counter("cauce_records_out_total", "Records published and acknowledged", ["service"])
RETRIES = Counter(
    "cauce_retries_total", "Waits before another attempt, by kind: outage or unknown", ["service", "kind"]
)
DEAD_LETTERS = Counter("cauce_dead_letters_total", "Dead letters acknowledged", ["service", "topic", "code"])
LEDGER_READ = Counter("cauce_ledger_read_total", "Records read, by who read them", ["service", "group", "topic"])
LEDGER = Counter(
    "cauce_ledger_settled_total",
    "What became of records read: done, folded, superseded, skipped, dead_lettered, returned; with those held now they "
    "are as many as were read",
    ["service", "group", "topic", "outcome"],
)
LEDGER_IMBALANCE = Gauge(
    "cauce_ledger_imbalance_records",
    "Records read that are nowhere (negative: counted twice); anything but 0 is an alarm",
    ["service", "group", "topic"],
)
CIRCUIT_OPEN = Gauge(
    "cauce_circuit_open", "1 while a dependency is away and one batch at a time asks for it", ["service", "group"]
)
HALTED = Gauge("cauce_halted", "1 when a consumer has stopped until a person looks", ["service", "group"])
LOG_BROKEN = Gauge("cauce_log_broken", "1 while a topic's log waits to be adopted by a person", ["service", "group"])
REWOUND = Counter(
    "cauce_rewound_records_total", "Records read again since their store was put back", ["service", "group"]
)
REBUILT = Counter("cauce_consumers_rebuilt_total", "Consumers built anew since they stood still", ["service", "group"])
HANDLE_SECONDS = Histogram(
    "cauce_handle_seconds",
    "Time a handler took for a batch",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
EMBEDDING_TOKENS = Counter(
    "cauce_embedding_tokens_total", "Tokens that a model was given, as it counts them", ["model"]
)
EMBEDDING_CHUNKS = Counter(
    "cauce_embedding_chunks_total",
    "Chunks that got a vector, by where it came from: model or cache",
    ["model", "source"],
)
EMBEDDING_REFUSALS = Counter("cauce_embedding_refusals_total", "Answers of the API that there were too many requests")
TASKS = Gauge("cauce_asyncio_tasks", "Tasks of the event loop, when it was asked")
READY = Gauge("cauce_ready", "1 when dependencies answer and partitions are assigned, else 0", ["service"])


def total(counter: Counter) -> int:
    """Over all labels, since the process began."""
    samples = (sample for family in counter.collect() for sample in family.samples)
    return int(sum(sample.value for sample in samples if sample.name.endswith("_total")))
