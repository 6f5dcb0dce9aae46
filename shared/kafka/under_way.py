"""The batches whose tasks run, and what of each isn't finished yet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.kafka.pipeline import Batch
from shared.kafka.records import Message, Partition

Place = tuple[Partition, int]
Messages = list[Message[Any]]


@dataclass(slots=True, eq=False)
class _Work:
    """What is given up finishes nothing any more, whatever its task still does."""

    batch: Batch
    finished: Messages = field(default_factory=list)
    given_up: bool = False

    @property
    def left(self) -> int:
        return 0 if self.given_up else len(self.batch) - len(self.finished)

    def unfinished(self) -> Messages:
        finished = set(map(id, self.finished))
        return [message for message in self.batch if id(message) not in finished] if self.left else []

    def give_up(self) -> Messages:
        left = self.unfinished()
        self.given_up = True
        return left


class UnderWay:
    """By task. A batch is of one topic."""

    def __init__(self) -> None:
        self._works: dict[asyncio.Task[None], _Work] = {}

    def __len__(self) -> int:
        return len(self._works)

    def by_topic(self) -> Counter[str]:
        """How many records are unfinished."""
        counts: Counter[str] = Counter()
        for work in self._works.values():
            counts[work.batch[0].record.partition.topic] += work.left
        return counts

    def begin(self, task: asyncio.Task[None], batch: Batch) -> None:
        self._works[task] = _Work(batch)

    def finish(self, batch: Batch) -> bool:
        """Of the task that asks; whether that still counts."""
        work = self._works[_current()]
        if not work.given_up:
            work.finished += batch
        return not work.given_up

    def end(self, task: asyncio.Task[None]) -> Messages:
        """What it left unfinished."""
        return self._works.pop(task).give_up()

    def of(self, partitions: frozenset[Partition] | None) -> set[asyncio.Task[None]]:
        """Those that have records of these partitions; None: all."""
        return {
            task for task, work in self._works.items() if partitions is None or _touches(work, partitions.__contains__)
        }

    def carry_on(self, partitions: frozenset[Partition]) -> tuple[set[Place], Messages]:
        """With what is of these partitions alone: where its unfinished records stand. The rest is cancelled: what that
        left unfinished."""
        carried_on: set[Place] = set()
        given_up: Messages = []
        for task, work in self._works.items():
            if _touches(work, lambda partition: partition not in partitions):
                given_up += work.give_up()
                task.cancel()
            else:
                carried_on.update((left.record.partition, left.record.offset) for left in work.unfinished())
        return carried_on, given_up


def _touches(work: _Work, is_meant: Callable[[Partition], bool]) -> bool:
    return any(is_meant(message.record.partition) for message in work.batch)


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task has a batch under way")
    return task
