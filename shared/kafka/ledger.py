"""The conservation ledger: of every record that was read it is counted once what became of it.

    read = done + folded + superseded + skipped + dead_lettered + returned + held

per consumer group and topic, at any moment. `held` is counted in another way than the others: by looking at what waits
and what is under way. A difference means that a record was forgotten, or accounted for twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from shared.contracts.fleet import LedgerLine
from shared.runtime import metrics


class Outcome(StrEnum):
    """`done`: its effects are acknowledged. `folded`: a newer one of its key came in the same batch. `superseded`: the
    store has a newer one. `skipped`: it was put back for another consumer group. `returned`: it was given back
    unfinished, when its partition moved or the process ended, and whoever has the partition then reads it again."""

    DONE = "done"
    FOLDED = "folded"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"
    DEAD_LETTERED = "dead_lettered"
    RETURNED = "returned"


class Ledger:
    """Of one consumer group."""

    def __init__(self, service: str, group: str) -> None:
        self._labels = (service, group)
        self._group = group
        self._read: Counter[str] = Counter()
        self._outcomes: Counter[tuple[str, Outcome]] = Counter()

    def read(self, topic: str, records: int) -> None:
        self._read[topic] += records
        metrics.LEDGER_READ.labels(*self._labels, topic).inc(records)

    def settle(self, topic: str, outcome: Outcome, records: int = 1) -> None:
        if records:
            self._outcomes[topic, outcome] += records
            metrics.LEDGER.labels(*self._labels, topic, outcome.value).inc(records)

    def lines(self, held: Mapping[str, int]) -> list[LedgerLine]:
        """By topic; `held` says how many records of each are waiting or under way now. An imbalance shows on
        Prometheus from the next time on that somebody asks."""
        lines = [self._line(topic, held.get(topic, 0)) for topic in sorted(self._read)]
        for line in lines:
            metrics.LEDGER_IMBALANCE.labels(*self._labels, line.topic).set(line.imbalance)
        return lines

    def _line(self, topic: str, held: int) -> LedgerLine:
        settled = {outcome.value: self._outcomes[topic, outcome] for outcome in Outcome}
        return LedgerLine(group=self._group, topic=topic, read=self._read[topic], held=held, **settled)
