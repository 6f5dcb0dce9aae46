"""A limit on dead letters: a bad deployment must not drain a topic into them."""

from __future__ import annotations

from collections import Counter, defaultdict, deque

from shared.errors import Code, Halt
from shared.kafka.pipeline import Batch, DeadLetterPolicy
from shared.kafka.records import Partition, Record

WINDOW = 200
"""Records of a partition over which the share is taken."""
LEAST = 50
"""With fewer of them the share says nothing."""

OF_THE_SENDER = frozenset(
    {
        Code.UNSUPPORTED,
        Code.EMPTY,
        Code.CORRUPT,
        Code.ENCRYPTED,
        Code.NEEDS_OCR,
        Code.TOO_LARGE,
        Code.TOO_COMPLEX,
        Code.TIMED_OUT,
        Code.EMBEDDING_REJECTED,
    }
)
"""What a document itself is to blame for: somebody who uploads a thousand of them stops nobody."""


class DeadLetterLimit:
    """Counts by partition."""

    def __init__(self, policy: DeadLetterPolicy) -> None:
        self._policy = policy
        self._runs: defaultdict[Partition, int] = defaultdict(int)
        self._recent: defaultdict[Partition, deque[bool]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def passed(self, batch: Batch) -> None:
        """These were finished well."""
        for partition, records in Counter(message.record.partition for message in batch).items():
            self._runs[partition] = 0
            self._recent[partition].extend([False] * min(records, WINDOW))

    def check(self, record: Record, code: Code, why: str) -> None:
        """Before a dead letter is written. Raises Halt where it would be one too many; the record stays unfinished."""
        if code in OF_THE_SENDER:
            return
        partition = record.partition
        self._runs[partition] += 1
        recent = self._recent[partition]
        recent.append(True)
        if 0 < self._policy.run < self._runs[partition]:
            raise Halt(_advice(record, f"more than {self._policy.run} dead letters in a row", code, why))
        if len(recent) >= LEAST and 0 < self._policy.share < sum(recent) / len(recent):
            raise Halt(_advice(record, f"{sum(recent)} dead letters among {len(recent)} records", code, why))


def _advice(record: Record, what: str, code: Code, why: str) -> str:
    reason = why.strip().splitlines()[-1][:300] if why.strip() else ""
    return (
        f"{what}, the next would be {record.position} (`{code.value}`: {reason}): nothing more is read, so that the "
        "topic doesn't drain into its dead letters. Mend the cause and start the process anew, or raise "
        "`CAUCE_DEAD_LETTER_RUN` and `CAUCE_DEAD_LETTER_SHARE`"
    )
