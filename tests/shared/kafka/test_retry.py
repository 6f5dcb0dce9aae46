"""What is decided about each kind of error."""

from __future__ import annotations

import pytest

from shared.errors import Code, Fatal, Permanent, Transient
from shared.kafka.retry import GiveUp, Retry, RetryPolicy, Stop, plan_retry

POLICY = RetryPolicy(attempts=3, first_wait=0.1, longest_wait=2.0)


@pytest.mark.parametrize("attempt", [1, 5, 10_000])
def test_an_outage_is_never_given_up(attempt: int) -> None:
    """However often it was tried, an outage means another try within the longest wait."""
    decision = plan_retry(Transient("away"), attempt, POLICY)
    assert isinstance(decision, Retry)
    assert decision.outage
    assert 0 < decision.delay <= 2.0


def test_retry_after_is_obeyed() -> None:
    """A dependency that names a time is not asked before it."""
    decision = plan_retry(Transient("busy", retry_after=7.5), 1, POLICY)
    assert isinstance(decision, Retry)
    assert decision.delay >= 7.5


def test_waits_grow_and_differ() -> None:
    """Backoff has jitter, and its bound doubles with each attempt."""
    early = [POLICY.wait(1) for _ in range(200)]
    late = [POLICY.wait(4) for _ in range(200)]
    assert max(early) <= 0.1
    assert max(late) > 0.4
    assert len(set(late)) > 100


def test_a_record_that_can_never_succeed_is_given_up_at_once() -> None:
    """The code and the sentence of a permanent error go into the dead letter."""
    assert plan_retry(Permanent(Code.EMPTY, "no text"), 1, POLICY) == GiveUp(Code.EMPTY, "no text")


def test_a_bug_gets_a_few_attempts() -> None:
    """An error that nobody classified is tried `attempts` times, then given up with its traceback."""
    assert isinstance(plan_retry(KeyError("x"), 2, POLICY), Retry)
    decision = plan_retry(KeyError("x"), 3, POLICY)
    assert isinstance(decision, GiveUp)
    assert decision.code is Code.BUG
    assert "KeyError: 'x'" in decision.message


def test_what_is_told_of_an_error_is_short_and_on_one_line() -> None:
    """An error may quote what somebody sent: a megabyte, line ends, what turns the direction of writing."""
    decision = plan_retry(Permanent(Code.CORRUPT, "a\n\u202eb\x1b[2J" + "c" * 1_000_000), 1, POLICY)
    assert isinstance(decision, GiveUp)
    assert decision.message.startswith("a  b [2Jccc")
    assert len(decision.message) < 3_000
    assert decision.message.isprintable()


def test_a_long_traceback_keeps_its_end() -> None:
    """What went wrong stands in its last line."""
    decision = plan_retry(ValueError("x" * 1_000_000 + "!"), 3, POLICY)
    assert isinstance(decision, GiveUp)
    assert len(decision.message) < 20_000
    assert decision.message.startswith("ValueError")
    assert decision.message.endswith("!\n")


def test_a_fatal_error_stops() -> None:
    """A fatal error ends the process."""
    assert plan_retry(Fatal("no"), 1, POLICY) == Stop()
