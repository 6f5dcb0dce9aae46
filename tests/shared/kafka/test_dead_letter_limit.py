"""How many dead letters are too many."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from shared.contracts.base import Event
from shared.errors import Code, Halt
from shared.kafka.dead_letter_limit import LEAST, DeadLetterLimit
from shared.kafka.pipeline import DeadLetterPolicy
from shared.kafka.records import Message, Partition, Record


def record(offset: int = 0, partition: int = 0) -> Record:
    return Record(Partition("work", partition), offset, 0, b"k", b"{}")


def well(count: int, partition: int = 0) -> list[Message[Event]]:
    return [Message(record(partition=partition), Event()) for _ in range(count)]


def fail(limit: DeadLetterLimit, times: int, partition: int = 0, code: Code = Code.BUG) -> None:
    for offset in range(times):
        limit.check(record(offset, partition), code, "Traceback\nKeyError: 'vector'")


def test_a_run_halts_and_says_why() -> None:
    """The one after the last that is allowed halts; the message has the position, the reason and the way out."""
    limit = DeadLetterLimit(DeadLetterPolicy(run=3, share=0))
    fail(limit, 3)
    with pytest.raises(
        Halt, match=r"more than 3 .* next would be work-0-9 .*KeyError: 'vector'.*CAUCE_DEAD_LETTER_RUN"
    ):
        limit.check(record(9), Code.BUG, "Traceback\nKeyError: 'vector'")


def test_a_success_ends_a_run() -> None:
    """Bad records among good ones are what dead letters are for."""
    limit = DeadLetterLimit(DeadLetterPolicy(run=3, share=0))
    for _ in range(10):
        fail(limit, 3)
        limit.passed(well(1))


def test_partitions_count_apart() -> None:
    """A partition's run is its own."""
    limit = DeadLetterLimit(DeadLetterPolicy(run=3, share=0))
    for partition in range(5):
        fail(limit, 3, partition)


@pytest.mark.parametrize(("good", "halts"), [(LEAST, True), (150, False)])
def test_a_share_halts(good: int, halts: bool) -> None:
    """More than half of the last records halt, fewer don't."""
    limit = DeadLetterLimit(DeadLetterPolicy(run=0, share=0.5))
    limit.passed(well(good))
    with pytest.raises(Halt, match="dead letters among") if halts else nullcontext():
        fail(limit, 60)


def test_what_a_sender_is_to_blame_for_does_not_count() -> None:
    """Any number of broken files is no reason to stop."""
    fail(DeadLetterLimit(DeadLetterPolicy(run=3)), 500, code=Code.ENCRYPTED)


def test_no_limit() -> None:
    """0 switches both off."""
    fail(DeadLetterLimit(DeadLetterPolicy(run=0, share=0)), 500)
