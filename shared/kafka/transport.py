"""What the consume loop asks of Kafka. Two implementations: `client/` (the real one) and `memory.py` (for tests)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from shared.kafka.records import Acknowledged, Outgoing, Partition, Record

OnRevoked = Callable[[frozenset[Partition]], Awaitable[None]]
OnAssigned = Callable[[frozenset[Partition]], None]


class Producer(Protocol):
    """Safe for concurrent use. Records of one call with one key keep their order."""

    async def start(self) -> None:
        """Raises Transient where no broker answers."""

    async def publish(self, records: Sequence[Outgoing]) -> Sequence[Acknowledged]:
        """Returns once all in-sync replicas have every record, in the order given.

        Raises Transient when that could not be learnt within the deadline (some may have been written: repeating is
        safe since ids are deterministic), Permanent(TOO_LARGE) for a record over its topic's limit.
        """

    async def probe(self) -> None:
        """Raises Transient unless a broker answers now."""

    async def stop(self) -> None:
        """Returns within its deadline whether or not a broker answers."""


class Consumer(Protocol):
    """One member of a consumer group. Not safe for concurrent use, `commit` and `unread` aside."""

    async def start(self, on_revoked: OnRevoked, on_assigned: OnAssigned) -> None:
        """Raises Transient where no broker answers, and LogBroken where the logs aren't those that the group has read.
        `on_revoked` may take its time to drain: the group waits."""

    async def inspect(self) -> None:
        """Raises LogBroken where the logs aren't those any more that the group has read, StorePutBack where the store
        has less than this member has put into it, and Transient where the broker doesn't say."""

    async def fetch(self, max_records: int, wait: float) -> list[Record]:
        """The next records in offset order per partition; waits at most `wait` seconds, then returns none.

        Also none where the broker is away: only some of its troubles are raised, as Transient; LogBroken where the
        records to be read next are gone.
        """

    async def unread(self) -> dict[Partition, int]:
        """Of each assigned partition that has more to read than was fetched: the offset to be fetched next.

        Raises Transient where the broker doesn't say.
        """

    async def keep_alive(self) -> None:
        """For a member that fetches nothing for a while: the group keeps it. Raises Transient."""

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Offsets are those of the next record to read. Raises Transient; what failed is delivered again. Raises
        StorePutBack, having committed nothing, where the store has less than this member has put into it."""

    async def stop(self, *, give_up_place: bool = False) -> None:
        """Leaves the group within its deadline, whether or not a broker answers. Commits nothing.

        A static member keeps its place, and what it was assigned, for whoever comes back under its name soon; unless it
        is to `give_up_place`: then the group shares its partitions out anew at once.
        """
