"""The loop that a careful person writes by hand on aiokafka: large fetches, large batches, one commit a fetch."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from benchmarks import loop_process
from benchmarks.loop_work import Place, decode, encode, handle, place

AT_ONCE = 5_000


async def run(where: Place) -> None:
    consumer = AIOKafkaConsumer(
        where.source,
        bootstrap_servers=where.servers,
        group_id=where.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=where.servers,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=256 * 1024,
        max_request_size=128 * 1024 * 1024,
    )
    async with consumer, producer:
        while True:
            fetched = await consumer.getmany(timeout_ms=500, max_records=AT_ONCE)
            sent = [await send(producer, where.target, record) for records in fetched.values() for record in records]
            await asyncio.gather(*sent)
            if fetched:
                await consumer.commit({place: records[-1].offset + 1 for place, records in fetched.items()})


async def send(producer: AIOKafkaProducer, target: str, record: ConsumerRecord[bytes, bytes]) -> Any:
    answer = handle(decode(record.value))
    return await producer.send(target, encode(answer), answer.key.encode())


if __name__ == "__main__":
    loop_process.run(run(place()))
