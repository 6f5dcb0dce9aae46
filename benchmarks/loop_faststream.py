"""FastStream in batch mode, on its client that is the faster of the two here."""

from __future__ import annotations

import logging

from faststream import AckPolicy, FastStream  # type: ignore[import-not-found]
from faststream.confluent import KafkaBroker, KafkaPublishMessage  # type: ignore[import-not-found]

from benchmarks import loop_process
from benchmarks.loop_work import Place, decode, encode, handle, place

AT_ONCE = 5_000


async def run(where: Place) -> None:
    broker = KafkaBroker(
        where.servers,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        partitioner="murmur2_random",
        allow_auto_create_topics=False,
        config={"batch.size": 1024 * 1024},
        log_level=logging.WARNING,
    )

    async def answer(values: list[bytes]) -> None:
        answers = [handle(decode(value)) for value in values]
        messages = [KafkaPublishMessage(encode(each), key=each.key.encode()) for each in answers]
        await broker.publish_batch(*messages, topic=where.target)

    broker.subscriber(
        where.source,
        group_id=where.group,
        batch=True,
        max_records=AT_ONCE,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=undecoded,
    )(answer)
    await FastStream(broker).run()


async def undecoded(message: object) -> object:
    """Decoding is the handler's work, as with the others."""
    return message.body  # type: ignore[attr-defined]


if __name__ == "__main__":
    loop_process.run(run(place()))
