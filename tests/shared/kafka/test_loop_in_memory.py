"""The loop's suite on the in-memory transport."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.errors import Code, Fatal, Permanent, Transient
from shared.kafka.deadletters import Failure
from shared.kafka.loop import ConsumeLoop
from shared.kafka.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from shared.kafka.pipeline import Handled, Limits, Pipeline
from shared.kafka.progress import Progress
from shared.kafka.records import Emit, Message, Partition, Record
from shared.kafka.transport import Consumer, Producer
from shared.runtime.metrics import REBUILT, total
from shared.topics import Topic
from tests.suites.loop_suite import Bench, LoopSuite, topics
from tests.waiting import until


class InMemory:
    def __init__(self, *declared: Topic) -> None:
        self.broker = MemoryBroker({topic.name: topic.partitions for topic in declared})

    def producer(self) -> Producer:
        return MemoryProducer(self.broker)

    def consumer(self, group: str, topic: Topic, progress: Progress | None = None) -> Consumer:
        return MemoryConsumer(self.broker, group, [topic.name], progress)

    async def read(self, topic: Topic) -> list[Record]:
        return self.broker.read(topic.name)

    async def committed(self, group: str) -> dict[Partition, int]:
        return {partition: offset for (name, partition), offset in self.broker.committed.items() if name == group}

    async def break_log(self, topic: Topic, group: str) -> None:
        self.broker.make_anew(topic.name)

    async def mend_log(self, topic: Topic, group: str) -> None:
        self.broker.broken = None


class TestLoopInMemory(LoopSuite):
    @pytest.fixture
    def bench(self) -> Bench:
        work, done = topics("memory")
        return Bench(InMemory(work, done, work.dlq), work, done, "group")


async def nothing(batch: Sequence[Message[Any]]) -> Handled:
    return Handled()


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

    async def refuse(batch: Sequence[Message[Any]]) -> Handled:
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

    async def away(batch: Sequence[Message[Any]]) -> Handled:
        raise Transient("the database is away", retry_after=3600)

    await bench.send(("k", 1))
    async with asyncio.timeout(5), bench.running(away) as loop:
        await until(lambda: loop.problem() == "outage: the database is away")
    assert await bench.unfinished() == 1


async def test_a_batch_that_hangs_is_told(memory: tuple[InMemory, Bench]) -> None:
    """A handler that neither ends nor fails makes the process unhealthy after the pipeline's patience."""
    _, bench = memory
    release = asyncio.Event()

    async def hang(batch: Sequence[Message[Any]]) -> Handled:
        await release.wait()
        return Handled()

    await bench.send(("k", 1))
    async with bench.running(hang, Limits(patience=0.1)) as loop:
        await until(lambda: "a batch has been under way" in (loop.stuck() or ""))
        release.set()
        await until(lambda: loop.stuck() is None)


async def test_a_consumer_that_stands_still_is_built_anew(memory: tuple[InMemory, Bench]) -> None:
    """While there is something to read and nothing arrives, a new consumer takes over, and nothing is left out."""
    broker, bench = memory
    handled: list[int] = []

    async def handle(batch: Sequence[Message[Any]]) -> Handled:
        handled.extend(message.event.number for message in batch)
        return Handled()

    broker.broker.deaf = 1
    await bench.send(*[("k", number) for number in range(5)])
    async with bench.running(handle, Limits(still=0.05, fetch_wait=0.01)):
        await until(lambda: bench.unfinished_is(0))
    assert handled == list(range(5))


async def test_after_several_such_consumers_the_process_ends(memory: tuple[InMemory, Bench]) -> None:
    """Where new consumers stand still as well, the process is started anew."""
    broker, bench = memory
    broker.broker.deaf = 100
    await bench.send(("k", 1))
    with pytest.raises(ExceptionGroup) as caught:
        await bench.run_to_end(nothing, Limits(still=0.05, fetch_wait=0.01))
    assert caught.group_contains(Fatal, match="stands still at 0, as it did for 2 consumers before")


async def test_a_full_buffer_is_no_standstill(memory: tuple[InMemory, Bench]) -> None:
    """A loop that reads no more since its handler is slow keeps its consumer."""
    _, bench = memory
    release = asyncio.Event()

    async def handle(batch: Sequence[Message[Any]]) -> Handled:
        await release.wait()
        return Handled()

    rebuilt = total(REBUILT)
    await bench.send(*[(f"k{number}", number) for number in range(60)])
    async with bench.running(handle, Limits(still=0.05, fetch_wait=0.01, buffer_records=5, concurrency=1)) as loop:
        await until(lambda: loop.held >= 5)
        await asyncio.sleep(0.3)
        assert total(REBUILT) == rebuilt
        release.set()
        await until(lambda: bench.unfinished_is(0))


async def test_a_dead_letter_that_is_not_written_yet_holds_its_offset(memory: tuple[InMemory, Bench]) -> None:
    """While the dead letters' topic takes nothing, the record counts as unfinished; nothing above it is committed."""
    broker, bench = memory
    handled: list[int] = []

    async def handle(batch: Sequence[Message[Any]]) -> Handled:
        if batch[0].event.number == 0:
            raise Permanent(Code.CORRUPT, "number 0 is broken")
        handled.append(batch[0].event.number)
        return Handled()

    broker.broker.refusing = {bench.work.dlq.name}
    await bench.send(*[("k", number) for number in range(3)])
    async with bench.running(handle, Limits(commit_every=0.01)) as loop:
        await until(lambda: "takes no record now" in (loop.problem() or ""))
        await asyncio.sleep(0.1)
        assert (await bench.unfinished(), handled) == (3, [])
        broker.broker.refusing = set()
        await until(lambda: bench.unfinished_is(0))
    assert handled == [1, 2]
    assert len(await broker.read(bench.work.dlq)) == 1
