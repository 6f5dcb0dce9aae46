"""Cauce's own loop, with settings as large as the others'."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from benchmarks import loop_process
from benchmarks.loop_work import Place, Work, handle, place
from shared.contracts.base import Event
from shared.kafka.client import Connection, KafkaConsumer, KafkaProducer
from shared.kafka.loop import ConsumeLoop
from shared.kafka.pipeline import Handled, Limits, Pipeline
from shared.kafka.records import Emit, Message
from shared.topics import Topic


class OurWork(Work, Event):
    """The same contract, as a topic declares it."""


async def run(where: Place) -> None:
    source, target = (Topic(name, "key", 6, timedelta(hours=1), OurWork) for name in (where.source, where.target))

    async def answer(batch: Sequence[Message[Any]]) -> Handled:
        return Handled([Emit(target, handle(message.event), message.record) for message in batch])

    connection = Connection(where.servers)
    producer = KafkaProducer(connection, compression=None)
    limits = Limits(concurrency=3, batch_records=1_000, buffer_records=3_000)
    pipeline = Pipeline("bench", where.group, (source,), answer, limits=limits)
    await ConsumeLoop(pipeline, KafkaConsumer(connection, where.group, [where.source]), producer).run()


if __name__ == "__main__":
    loop_process.run(run(place()))
