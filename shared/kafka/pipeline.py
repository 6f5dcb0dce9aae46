"""What a consume loop is told: which topics, what to do with their records, and within which bounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.kafka.deadletters import Failure
from shared.kafka.progress import Progress
from shared.kafka.records import Emit, Message
from shared.kafka.retry import RetryPolicy
from shared.topics import Topic

Batch = Sequence[Message[Any]]


@dataclass(frozen=True, slots=True)
class Handled:
    """What a handler made of a batch: the events to publish, and how many of its records a sink did not write itself.

    `folded`: a newer one of the same key came in the same batch. `superseded`: the store has a newer one, or the
    record's epoch is over. All others are accounted for as done.
    """

    emits: Sequence[Emit] = ()
    folded: int = 0
    superseded: int = 0


Handler = Callable[[Batch], Awaitable[Handled]]
OnFailure = Callable[[Message[Any], Failure], Sequence[Emit]]


def nothing_more(_message: Message[Any], _failure: Failure) -> Sequence[Emit]:
    """For pipelines whose records have no status to tell: the dead letter is all."""
    return ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in records and bytes, times in seconds.

    A batch starts as soon as one of `concurrency` places is free and either `batch_records` wait or the first of them
    has waited for `linger`. `drain` is how long a revoke or a stop waits for batches under way; one that takes longer
    than `patience` counts as stuck. A consumer that doesn't move for `still`, with records to read, is built anew.
    Every `inspect_every` it is looked whether the topics' logs are still those that were read.
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
    still: float = 60.0
    inspect_every: float = 10.0


@dataclass(frozen=True, slots=True)
class DeadLetterPolicy:
    """What happens after a permanent failure: a dead letter, and on with the next record; or a halt.

    A halt comes at once for the topics in `stop`. For all others it comes when dead letters are too many: more than
    `run` of a partition in a row, or more than a `share` of its last records. 0 is no limit.
    """

    run: int = 25
    share: float = 0.5
    stop: frozenset[str] = frozenset()


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
    dead_letters: DeadLetterPolicy = field(default_factory=DeadLetterPolicy)
    progress: Progress | None = None
    """Of a store that its records end in; where there is one, the group never is ahead of it."""
