"""What to do about an error: a pure decision, so that it is tested without a broker and without waiting."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from tenacity import RetryCallState, wait_random_exponential

from shared.errors import Code, Fatal, Permanent, Transient

_SENTENCE = 2_000
_TRACEBACK = 16_000
"""Characters of a message at most, of each of the two kinds."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits in seconds. `attempts` counts only errors that nobody has classified; outages never use them up."""

    attempts: int = 3
    first_wait: float = 0.2
    longest_wait: float = 15.0

    def wait(self, attempt: int) -> float:
        """Exponential backoff with full jitter; `attempt` counts from 1."""
        state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
        state.attempt_number = attempt
        return max(0.01, wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait)(state))


@dataclass(frozen=True, slots=True)
class Retry:
    """The same records again after `delay` seconds; `outage` if the fault lies with a dependency, not with them."""

    delay: float
    outage: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """One dead letter."""

    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The process ends."""


Decision = Retry | GiveUp | Stop


def plan_retry(error: BaseException, attempt: int, policy: RetryPolicy) -> Decision:
    """`attempt` counts from 1: how often these records met an error of this kind, outages apart from all others."""
    match error:
        case Fatal():
            return Stop()
        case Permanent():
            return GiveUp(error.code, _sentence(str(error)))
        case Transient():
            return Retry(max(error.retry_after or 0.0, policy.wait(attempt)), outage=True)
        case _ if attempt < policy.attempts:
            return Retry(policy.wait(attempt), outage=False)
        case _:
            return GiveUp(Code.BUG, _ends("".join(traceback.format_exception(error))))


def _sentence(message: str) -> str:
    """On one line and of bounded length, since it may quote what somebody sent."""
    printable = "".join(each if each.isprintable() else " " for each in message[:_SENTENCE])
    return printable if len(message) <= _SENTENCE else f"{printable} …"


def _ends(told: str) -> str:
    """A traceback's beginning and end: what went wrong stands in its last lines."""
    return told if len(told) <= _TRACEBACK else f"{told[: _TRACEBACK // 2]}\n…\n{told[-_TRACEBACK // 2 :]}"
