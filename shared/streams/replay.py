"""A stream's raw records and dead letters, from the first that is kept to the last there is, folded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.errors import Transient
from shared.kafka.client import Connection, offset_ranges, read_from
from shared.kafka.records import PREFIX, Partition, Record
from shared.streams.declaration import Stream
from shared.streams.recompute import Place, Recomputation
from shared.streams.topics import input_topic

Progress = Callable[[int, int], None]
"""Told (records read, records there are)."""


class Replay:
    """`kept` are the offsets, by partition, whose records are in `recomputed`."""

    def __init__(self, connection: Connection, stream: Stream) -> None:
        self.stream = stream
        self.topic = input_topic(stream)
        self.recomputed = Recomputation(stream)
        self.letters: dict[Place, str] = {}
        self._redrives: dict[Place, int] = {}
        self.kept: dict[int, range] = {}
        self._connection = connection
        self._read: dict[Partition, int] = {}
        self._group = f"streaming.{stream.name}"

    async def catch_up(self, progress: Progress) -> None:
        """Reads on to the ends as they are now. Raises Transient."""
        topics = (self.topic.name, self.topic.dlq.name)
        held = await offset_ranges(self._connection, topics)
        if missing := set(topics) - {partition.topic for partition in held}:
            raise Transient(f"kafka: not there: `{'`, `'.join(sorted(missing))}`: run `cauce topics apply`")
        await self._read_on(held, progress)
        for partition, offsets in held.items():
            if partition.topic == self.topic.name:
                first = self.kept.get(partition.number, offsets).start
                self.kept[partition.number] = range(first, offsets.stop)

    async def _read_on(self, held: Mapping[Partition, range], progress: Progress) -> None:
        starts = {partition: self._read.get(partition, offsets.start) for partition, offsets in held.items()}
        ends = {partition: offsets.stop for partition, offsets in held.items()}
        done, total = 0, sum(ends[partition] - start for partition, start in starts.items())
        async for batch in read_from(self._connection, starts, ends):
            for record in batch:
                self._feed(record)
            done += len(batch)
            progress(done, total)
        self._read = ends

    def _feed(self, record: Record) -> None:
        if record.partition.topic == self.topic.name:
            self.recomputed.feed(record)
        elif self._says(record, "consumer_group") == self._group:
            place = (int(self._says(record, "source_partition")), int(self._says(record, "source_offset")))
            redrives = int(self._says(record, "redrive_count") or 0)
            if redrives >= self._redrives.get(place, 0):
                self._redrives[place] = redrives
                self.letters[place] = self._says(record, "error_code")

    @staticmethod
    def _says(record: Record, name: str) -> str:
        return (record.header(PREFIX + name) or b"").decode()
