"""How far the assigned partitions are done: the watermark of each, and what of it the group knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from shared.kafka.records import Partition, Record
from shared.kafka.watermark import Watermark


class Offsets:
    """Of one member of a consumer group. Offsets that are to be committed are those of the next record to read."""

    def __init__(self) -> None:
        self._watermarks: dict[Partition, Watermark] = {}
        self._committed: dict[Partition, int] = {}

    @property
    def partitions(self) -> frozenset[Partition]:
        return frozenset(self._watermarks)

    @property
    def held(self) -> int:
        """How many records were read and can't be committed yet."""
        return sum(watermark.held for watermark in self._watermarks.values())

    def assign(self, partitions: frozenset[Partition]) -> None:
        """These and no others, from now on."""
        self._watermarks = {partition: Watermark() for partition in partitions}
        self._committed = {}

    def withdraw(self, partitions: frozenset[Partition]) -> dict[Partition, int]:
        """What is to be committed of partitions that leave; what is finished of them later doesn't count any more."""
        leaving = self._to_commit(partitions)
        for partition in partitions:
            self._watermarks.pop(partition, None)
        return leaving

    def read(self, partition: Partition, offsets: Sequence[int]) -> set[int] | None:
        """The ones that are finished already; None where the partition was revoked since it was asked for them."""
        watermark = self._watermarks.get(partition)
        return None if watermark is None else watermark.add(offsets)

    def finish(self, records: Iterable[Record]) -> None:
        finished: defaultdict[Partition, list[int]] = defaultdict(list)
        for record in records:
            finished[record.partition].append(record.offset)
        for partition, offsets in finished.items():
            if watermark := self._watermarks.get(partition):
                watermark.finish(offsets)

    def to_commit(self) -> dict[Partition, int]:
        return self._to_commit(self.partitions)

    def _to_commit(self, partitions: frozenset[Partition]) -> dict[Partition, int]:
        return {
            partition: offset
            for partition in partitions & self._watermarks.keys()
            if (offset := self._watermarks[partition].committable) is not None
            and offset != self._committed.get(partition)
        }

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        self._committed.update(offsets)
