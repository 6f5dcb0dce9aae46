"""Questions about offsets, and reading a stretch of a topic from outside any group."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.errors import Transient
from shared.kafka.client.connection import Connection, records_of, start_client, stop_client, translated
from shared.kafka.records import Partition, Record

READ_DEADLINE = 30.0


async def offset_ranges(connection: Connection, topics: Sequence[str]) -> dict[Partition, range]:
    """The offsets that every partition of these topics holds, from the first kept to the last; raises Transient."""
    async with _asking(connection) as client:
        places = [place for topic in topics for place in await known_places(client, topic)]
        first, end = await client.beginning_offsets(places), await client.end_offsets(places)
    return {Partition(*place): range(first[place], end[place]) for place in places}


async def offsets_at(connection: Connection, topic: str, times: Sequence[int]) -> list[dict[Partition, int]]:
    """For each of `times`, in milliseconds since 1970: the offset of the first record of each partition that is not
    older, or the one after the last. Raises Transient."""
    async with _asking(connection) as client:
        places = await known_places(client, topic)
        ends = await client.end_offsets(places)
        found = [await client.offsets_for_times(dict.fromkeys(places, time)) for time in times]
    return [{Partition(*place): at[place].offset if at[place] else ends[place] for place in places} for at in found]


@contextlib.asynccontextmanager
async def _asking(connection: Connection) -> AsyncIterator[AIOKafkaConsumer]:
    """A client that reads nothing; what goes wrong while it asks is Transient."""
    client = AIOKafkaConsumer(bootstrap_servers=connection.bootstrap_servers, client_id=connection.client_id)
    await start_client(client)
    try:
        with translated():
            yield client
    finally:
        await stop_client(client)


async def known_places(client: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """A topic's partitions, for a client that reads nothing; none where it isn't there."""
    await client._client.add_topic(topic)  # noqa: SLF001 no public way to learn a topic without subscribing
    return [TopicPartition(topic, number) for number in client.partitions_for_topic(topic) or ()]


async def read_from(
    connection: Connection, starts: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None
) -> AsyncGenerator[list[Record], None]:
    """Every record of these partitions from its start, without a group; with `ends`, those below and then no more.

    Without `ends` it goes on for ever, and hands out an empty list where nothing came for a while. What retention has
    removed is left out. Raises Transient, also where records that must be there don't come.
    """
    reader = _Reader(connection, starts, ends)
    await start_client(reader.client)
    try:
        reader.begin()
        while reader.open:
            yield await reader.next()
    finally:
        await stop_client(reader.client)


class _Reader:
    """Partitions that are read to their ends are left; the others go on."""

    def __init__(
        self, connection: Connection, starts: Mapping[Partition, int], ends: Mapping[Partition, int] | None
    ) -> None:
        self._starts = starts
        self._ends = ends
        self.open = {
            TopicPartition(*partition) for partition, start in starts.items() if ends is None or start < ends[partition]
        }
        self._quiet_since = asyncio.get_running_loop().time()
        self.client = AIOKafkaConsumer(
            bootstrap_servers=connection.bootstrap_servers,
            client_id=connection.client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )

    def begin(self) -> None:
        self.client.assign(list(self.open))
        for place in self.open:
            self.client.seek(place, self._starts[Partition(*place)])

    async def next(self) -> list[Record]:
        with translated():
            batches = await self.client.getmany(*self.open, timeout_ms=500, max_records=5_000)
            records = records_of(batches)
            if self._ends is not None:
                records = [record for record in records if record.offset < self._ends[record.partition]]
                await self._leave_what_is_read(self._ends, bool(batches))
        return records

    async def _leave_what_is_read(self, ends: Mapping[Partition, int], came: bool) -> None:
        """By position, since the last offsets of a partition may be markers, or gone."""
        now = asyncio.get_running_loop().time()
        if came:
            self._quiet_since = now
        done = {place for place in self.open if await self.client.position(place) >= ends[Partition(*place)]}
        if done:
            self.client.pause(*done)
            self.open -= done
        elif now - self._quiet_since > READ_DEADLINE:
            raise Transient(f"kafka: no records for {READ_DEADLINE:g} s, though there must be some")


async def timestamps_at(
    connection: Connection, offsets: Mapping[Partition, int], kept: Mapping[Partition, range]
) -> dict[Partition, int]:
    """The timestamps, in ms since 1970, of the records at these offsets; none of a partition that doesn't keep its
    offset (`kept`), or whose record compaction has removed. Raises Transient."""
    starts = {partition: offset for partition, offset in offsets.items() if offset in kept.get(partition, ())}
    found: dict[Partition, int] = {}
    async for records in read_from(connection, starts, {partition: start + 1 for partition, start in starts.items()}):
        found |= {record.partition: record.timestamp for record in records}
    return found


async def first_timestamps(connection: Connection, topic: str) -> dict[Partition, int | None]:
    """Of each partition that has lost records to retention: the timestamp, in ms since 1970, of the first that it
    holds; None where it holds none any more. Raises Transient."""
    lost = {place: held for place, held in (await offset_ranges(connection, [topic])).items() if held.start > 0}
    found = await timestamps_at(connection, {place: held.start for place, held in lost.items() if held}, lost)
    return {place: found.get(place) for place in lost}
