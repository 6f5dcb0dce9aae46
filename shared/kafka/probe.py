"""Whether the cluster takes records and gives them back, and in which time."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator

from shared.errors import Transient
from shared.kafka.client import Connection, KafkaProducer, offset_ranges, read_from
from shared.kafka.records import Outgoing, Record
from shared.topics import PROBE

PATIENCE_SECONDS = 15.0


async def round_trips(connection: Connection, count: int) -> list[float]:
    """Seconds from the send of each record to its arrival, one after the other; one before them is not counted, since
    it opens the connections. Raises Transient where one doesn't come back in time."""
    ends = {partition: held.stop for partition, held in (await offset_ranges(connection, [PROBE.name])).items()}
    producer = KafkaProducer(connection, deadline=PATIENCE_SECONDS)
    records = read_from(connection, ends)
    await producer.start()
    try:
        await _round_trip(producer, records)
        return [await _round_trip(producer, records) for _ in range(count)]
    finally:
        await records.aclose()
        await producer.stop()


async def _round_trip(producer: KafkaProducer, records: AsyncIterator[list[Record]]) -> float:
    mark = secrets.token_bytes(16)
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await producer.publish([Outgoing(PROBE.name, None, mark)])
            await _until_read(records, mark)
    except TimeoutError:
        raise Transient(f"kafka: a record of `{PROBE.name}` did not come back in {PATIENCE_SECONDS:g} s") from None
    return time.monotonic() - began


async def _until_read(records: AsyncIterator[list[Record]], mark: bytes) -> None:
    async for batch in records:
        if any(record.value == mark for record in batch):
            return
