"""The loop's suite on the in-memory transport."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.errors import Code, Permanent, Transient
from shared.kafka.deadletters import Failure
from shared.kafka.loop import ConsumeLoop
from shared.kafka.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from shared.kafka.pipeline import Limits, Pipeline
from shared.kafka.records import Emit, Message, Partition, Record
from shared.kafka.transport import Consumer, Producer
from shared.topics import Topic
from tests.suites.loop_suite import Bench, LoopSuite, topics
from tests.waiting import until


class InMemory:
    def __init__(self, *declared: Topic) -> None:
        self.broker = MemoryBroker({topic.name: topic.partitions for topic in declared})

    def producer(self) -> Producer:
        return MemoryProducer(self.broker)

    def consumer(self, group: str, topic: Topic) -> Consumer:
        return MemoryConsumer(self.broker, group, [topic.name])

    async def read(self, topic: Topic) -> list[Record]:
        return self.broker.read(topic.name)

    async def committed(self, group: str) -> dict[Partition, int]:
        return {partition: offset for (name, partition), offset in self.broker.committed.items() if name == group}


class TestLoopInMemory(LoopSuite):
    @pytest.fixture
    def bench(self) -> Bench:
        work, done = topics("memory")
        return Bench(InMemory(work, done, work.dlq), work, done, "group")


async def nothing(batch: Sequence[Message[Any]]) -> list[Emit]:
    return []


@pytest.fixture
def memory() -> tuple[InMemory, Bench]:
    work, done = topics("memory")
    broker = InMemory(work, done, work.dlq)
    return broker, Bench(broker, work, done, "group")


async def test_a_letter_too_large_for_its_topic_goes_without_its_value(memory: tuple[InMemory, Bench]) -> None:
    """What can't be written as it is must not stop the partition: the letter says where the bytes lie."""
    broker, bench = memory
    await bench.send(b"x" * 1000)
    broker.broker.max_message_bytes = 500
    async with bench.running(nothing):
        await until(lambda: bench.unfinished_is(0))
    (letter,) = await broker.read(bench.work.dlq)
    assert (letter.value, letter.header("dlq_value_left_out_bytes")) == (b"", b"1000")
    assert letter.header("dlq_source_offset") == b"0"


async def test_a_bug_in_telling_does_not_hold_the_letter_back(memory: tuple[InMemory, Bench]) -> None:
    """When the status of a failure can't be made, the dead letter is written all the same."""
    broker, bench = memory

    async def refuse(batch: Sequence[Message[Any]]) -> list[Emit]:
        raise Permanent(Code.CORRUPT, "a lone surrogate: \ud800")

    def buggy(message: Message[Any], failure: Failure) -> Sequence[Emit]:
        raise KeyError("a bug")

    await bench.send(("k", 1))
    pipeline = Pipeline("suite", "group", (bench.work,), refuse, buggy)
    loop = ConsumeLoop(pipeline, broker.consumer("group", bench.work), broker.producer())
    running = asyncio.create_task(loop.run())
    await until(lambda: bench.unfinished_is(0))
    loop.stop()
    await running
    (letter,) = await broker.read(bench.work.dlq)
    assert letter.header("dlq_error_code") == b"corrupt"


async def test_a_stop_ends_an_outage(memory: tuple[InMemory, Bench]) -> None:
    """A loop that waits for a dependency ends when asked to, and leaves its record for the next run."""
    _, bench = memory

    async def away(batch: Sequence[Message[Any]]) -> list[Emit]:
        raise Transient("the database is away", retry_after=3600)

    await bench.send(("k", 1))
    async with asyncio.timeout(5), bench.running(away) as loop:
        await until(lambda: loop.problem() == "outage: the database is away")
    assert await bench.unfinished() == 1


async def test_a_batch_that_hangs_is_told(memory: tuple[InMemory, Bench]) -> None:
    """A handler that neither ends nor fails makes the process unhealthy after the pipeline's patience."""
    _, bench = memory
    release = asyncio.Event()

    async def hang(batch: Sequence[Message[Any]]) -> list[Emit]:
        await release.wait()
        return []

    await bench.send(("k", 1))
    async with bench.running(hang, Limits(patience=0.1)) as loop:
        await until(lambda: "a batch has been under way" in (loop.stuck() or ""))
        release.set()
        await until(lambda: loop.stuck() is None)
