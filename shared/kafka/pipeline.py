"""What a consume loop is told: which topics, what to do with their records, and within which bounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.kafka.deadletters import Failure
from shared.kafka.records import Emit, Message
from shared.kafka.retry import RetryPolicy
from shared.topics import Topic

Batch = Sequence[Message[Any]]
Handler = Callable[[Batch], Awaitable[Sequence[Emit]]]
OnFailure = Callable[[Message[Any], Failure], Sequence[Emit]]


def nothing_more(_message: Message[Any], _failure: Failure) -> Sequence[Emit]:
    """For pipelines whose records have no status to tell: the dead letter is all."""
    return ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in records and bytes, times in seconds.

    A batch starts as soon as one of `concurrency` places is free and either `batch_records` wait or the first of them
    has waited for `linger`. `drain` is how long a revoke or a stop waits for batches under way; one that takes longer
    than `patience` counts as stuck.
    """

    concurrency: int = 4
    batch_records: int = 1
    linger: float = 0.0
    buffer_records: int = 2_000
    buffer_bytes: int = 64 * 1024 * 1024
    commit_every: float = 0.25
    drain: float = 20.0
    fetch_wait: float = 1.0
    patience: float = 900.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One consumer group's work: which topics, what to do with their records, and within which bounds."""

    service: str
    group: str
    topics: tuple[Topic, ...]
    handler: Handler
    on_failure: OnFailure = nothing_more
    limits: Limits = field(default_factory=Limits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
