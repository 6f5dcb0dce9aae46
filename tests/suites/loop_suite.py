"""What the consume loop promises, as one suite for every transport: in memory and on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import pytest

from shared.contracts.base import Event
from shared.errors import Code, Fatal, Permanent, Transient
from shared.kafka.loop import ConsumeLoop
from shared.kafka.pipeline import DeadLetterPolicy, Handled, Handler, Limits, Pipeline
from shared.kafka.progress import Bookmark, Bookmarks, Progress
from shared.kafka.records import TARGET_GROUP, Emit, Message, Outgoing, Partition, Record
from shared.kafka.retry import RetryPolicy
from shared.kafka.transport import Consumer, Producer
from shared.runtime.metrics import REWOUND, total
from shared.topics import Topic
from tests.waiting import until

PATIENCE = 30.0
QUICK = RetryPolicy(attempts=2, first_wait=0.01, longest_wait=0.05)


class Work(Event):
    id: str
    number: int


class Broker(Protocol):
    """What the suite needs of a transport."""

    def producer(self) -> Producer: ...
    def consumer(self, group: str, topic: Topic, progress: Progress | None = None) -> Consumer: ...
    async def read(self, topic: Topic) -> list[Record]: ...
    async def committed(self, group: str) -> dict[Partition, int]: ...
    async def break_log(self, topic: Topic, group: str) -> None: ...
    async def mend_log(self, topic: Topic, group: str) -> None: ...


@dataclass
class Bench:
    """A broker with an input topic of three partitions, an output topic, and a group nobody else uses."""

    broker: Broker
    work: Topic
    done: Topic
    group: str

    async def send(self, *numbers: tuple[str, int] | bytes) -> None:
        await self._publish([_record(self.work, item) for item in numbers])

    async def put_back(self, group: str, number: tuple[str, int]) -> None:
        """As a dead letter of that group is."""
        await self._publish([_record(self.work, number)._replace(headers=((TARGET_GROUP, group.encode()),))])

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        producer = self.broker.producer()
        await producer.start()
        try:
            await producer.publish(records)
        finally:
            await producer.stop()

    @asynccontextmanager
    async def running(
        self,
        handler: Handler,
        limits: Limits | None = None,
        policy: DeadLetterPolicy | None = None,
        progress: Progress | None = None,
    ) -> AsyncIterator[ConsumeLoop]:
        """A loop at work; left, it is stopped and has drained."""
        producer = self.broker.producer()
        await producer.start()
        loop = self._loop(handler, limits or Limits(), producer, policy, progress)
        task = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            loop.stop()
            await asyncio.wait({task}, timeout=PATIENCE)
            await producer.stop()
        task.result()

    async def run_to_end(self, handler: Handler, limits: Limits | None = None) -> None:
        """A loop that ends by itself."""
        async with asyncio.timeout(PATIENCE):
            await self._loop(handler, limits or Limits(), self.broker.producer()).run()

    def _loop(
        self,
        handler: Handler,
        limits: Limits,
        producer: Producer,
        policy: DeadLetterPolicy | None = None,
        progress: Progress | None = None,
    ) -> ConsumeLoop:
        pipeline = Pipeline(
            "suite",
            self.group,
            (self.work,),
            handler,
            limits=limits,
            retry=QUICK,
            dead_letters=policy or DeadLetterPolicy(),
        )
        return ConsumeLoop(pipeline, self.broker.consumer(self.group, self.work, progress), producer)

    async def unfinished(self) -> int:
        """Records of the input topic that the group has not committed."""
        committed = await self.committed()
        return len([r for r in await self.broker.read(self.work) if r.offset >= committed.get(r.partition, 0)])

    async def unfinished_is(self, count: int | None = None, *, below: int | None = None) -> bool:
        left = await self.unfinished()
        return left == count if below is None else left < below

    async def committed(self) -> dict[Partition, int]:
        return await self.broker.committed(self.group)


def _record(topic: Topic, item: tuple[str, int] | bytes) -> Outgoing:
    if isinstance(item, bytes):
        return Outgoing(topic.name, b"raw", item)
    key, number = item
    return Outgoing(topic.name, key.encode(), Work(id=key, number=number).model_dump_json().encode())


def topics(name: str) -> tuple[Topic, Topic]:
    """An input and an output topic; dead letters of the first go to its `.dlq`."""
    return (
        Topic(f"{name}.work", "id", 3, timedelta(hours=1), Work),
        Topic(f"{name}.done", "id", 3, timedelta(hours=1), Work),
    )


class Store:
    """What a loop writes, and how far: a backup has both. Implements `Progress`."""

    def __init__(self) -> None:
        self.rows: set[int] = set()
        self.bookmarks: dict[Partition, Bookmark] = {}
        self.away = False

    async def handle(self, batch: Sequence[Message[Any]]) -> Handled:
        self.rows |= {message.event.number for message in batch}
        return Handled()

    async def load(self) -> Bookmarks | None:
        self._check()
        return dict(self.bookmarks) if self.bookmarks or not self.rows else None

    async def save(self, bookmarks: Bookmarks, instead_of: Bookmarks) -> bool:
        self._check()
        same = {place: mark for place, mark in bookmarks.items() if self.bookmarks.get(place) == instead_of.get(place)}
        self.bookmarks |= same
        return same.keys() == bookmarks.keys()

    def _check(self) -> None:
        if self.away:
            raise Transient("the store is away")

    def backup(self) -> tuple[set[int], dict[Partition, Bookmark]]:
        return set(self.rows), dict(self.bookmarks)

    def put_back(self, backup: tuple[set[int], dict[Partition, Bookmark]]) -> None:
        self.rows, self.bookmarks = set(backup[0]), dict(backup[1])


def numbered(numbers: range) -> list[tuple[str, int]]:
    return [(f"k{number % 7}", number) for number in numbers]


class LoopSuite:
    """Subclasses give the fixture `bench`."""

    async def test_handles_and_commits_everything(self, bench: Bench) -> None:
        """Every record is handled once in a quiet run, its output is written, and its offset is committed."""
        handled: list[tuple[str, int]] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            handled.extend((message.event.id, message.event.number) for message in batch)
            return Handled([Emit(bench.done, message.event, message.record) for message in batch])

        sent = [(f"k{number % 7}", number) for number in range(50)]
        await bench.send(*sent)
        async with bench.running(handle):
            await until(lambda: len(handled) == 50)
        assert sorted(handled) == sorted(sent)
        assert len(await bench.broker.read(bench.done)) == 50
        assert await bench.unfinished() == 0

    async def test_keeps_order_per_key(self, bench: Bench) -> None:
        """Records of one key are handled in order, even when earlier ones take longer than later ones."""
        handled: dict[str, list[int]] = {}

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            for message in batch:
                await asyncio.sleep(0.01 if message.event.number % 3 == 0 else 0)
                handled.setdefault(message.event.id, []).append(message.event.number)
            return Handled()

        await bench.send(*[(f"k{number % 5}", number) for number in range(60)])
        async with bench.running(handle, Limits(concurrency=8, batch_records=3)):
            await until(lambda: sum(map(len, handled.values())) == 60)
        assert all(numbers == sorted(numbers) for numbers in handled.values())

    async def test_a_slow_key_delays_no_other_and_holds_its_offset(self, bench: Bench) -> None:
        """While one key is stuck, others of its partition are done, and nothing at or above it is committed."""
        release = asyncio.Event()
        handled: list[str] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            if batch[0].event.id == "stuck":
                await release.wait()
            handled.append(batch[0].event.id)
            return Handled()

        await bench.send(("stuck", 0), *[(f"k{number}", number) for number in range(30)])
        async with bench.running(handle):
            await until(lambda: len(handled) == 30)
            stuck = next(r for r in await bench.broker.read(bench.work) if r.key == b"stuck")
            await until(lambda: bench.unfinished_is(below=31))
            assert (await bench.committed()).get(stuck.partition, 0) <= stuck.offset
            release.set()
            await until(lambda: len(handled) == 31)
        assert await bench.unfinished() == 0

    async def test_permanent_error_is_one_dead_letter(self, bench: Bench) -> None:
        """A record that can never succeed is one dead letter with its bytes and the reason; the others are handled."""
        handled: list[int] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            if any(message.event.number == 13 for message in batch):
                raise Permanent(Code.CORRUPT, "number 13 is unlucky")
            handled.extend(message.event.number for message in batch)
            return Handled()

        await bench.send(*[("k", number) for number in range(20)])
        async with bench.running(handle, Limits(batch_records=10)):
            await until(lambda: len(set(handled)) == 19)
            await until(lambda: bench.unfinished_is(0))
        (letter,) = await bench.broker.read(bench.work.dlq)
        assert Work.model_validate_json(letter.value or b"").number == 13
        assert letter.header("dlq_error_code") == b"corrupt"
        assert letter.header("dlq_error_message") == b"number 13 is unlucky"
        assert letter.header("dlq_consumer_group") == bench.group.encode()
        assert letter.header("dlq_source_topic") == bench.work.name.encode()
        assert sorted(set(handled)) == [number for number in range(20) if number != 13]
        assert handled == sorted(handled)

    async def test_undecodable_record_is_a_dead_letter(self, bench: Bench) -> None:
        """What isn't valid for its topic never reaches the handler and is a dead letter with its bytes."""
        handled: list[int] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            handled.extend(message.event.number for message in batch)
            return Handled()

        await bench.send(("a", 1), b"\xff not json", b'{"id": "a"}', ("a", 2))
        async with bench.running(handle, Limits(batch_records=4)):
            await until(lambda: bench.unfinished_is(0))
        letters = await bench.broker.read(bench.work.dlq)
        assert {letter.value for letter in letters} == {b"\xff not json", b'{"id": "a"}'}
        assert {letter.header("dlq_error_code") for letter in letters} == {b"invalid_message"}
        assert handled == [1, 2]

    async def test_a_record_without_key_and_value_is_a_dead_letter(self, bench: Bench) -> None:
        """A record that holds nothing at all stops nobody, though no client would write it again as it is."""

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            return Handled()

        producer = bench.broker.producer()
        await producer.start()
        await producer.publish([Outgoing(bench.work.name, None, b""), Outgoing(bench.work.name, b"k", None)])
        await producer.stop()
        async with bench.running(handle):
            await until(lambda: bench.unfinished_is(0))
        letters = await bench.broker.read(bench.work.dlq)
        assert {(letter.key, letter.value) for letter in letters} == {(None, b""), (b"k", None)}

    async def test_a_cancellation_from_within_loses_nothing(self, bench: Bench) -> None:
        """A library that cancels its own work inside a handler doesn't make the record vanish: it is tried again."""
        attempts: list[int] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            attempts.append(batch[0].event.number)
            if len(attempts) == 1:
                raise asyncio.CancelledError
            return Handled()

        await bench.send(("k", 1), ("k", 2))
        async with bench.running(handle):
            await until(lambda: bench.unfinished_is(0))
        assert attempts == [1, 1, 2]

    async def test_outage_waits_and_loses_nothing(self, bench: Bench) -> None:
        """While a dependency is away records are tried again, none is given up, and their order holds."""
        handled: list[int] = []
        failures = 0

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            nonlocal failures
            if failures < 10:
                failures += 1
                raise Transient("the database is away")
            handled.extend(message.event.number for message in batch)
            return Handled()

        await bench.send(*[("k", number) for number in range(10)])
        async with bench.running(handle) as loop:
            await until(lambda: failures == 0 or loop.problem() is not None or len(handled) > 0)
            await until(lambda: len(handled) == 10)
            assert loop.problem() is None
        assert handled == list(range(10))
        assert await bench.broker.read(bench.work.dlq) == []

    async def test_an_outage_uses_up_no_attempts(self, bench: Bench) -> None:
        """However often a dependency was away, a record still has all its attempts for an error that nobody knows."""
        errors: list[Exception] = [*(Transient("away") for _ in range(5)), ZeroDivisionError("once")]

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            if errors:
                raise errors.pop(0)
            return Handled()

        await bench.send(("k", 1))
        async with bench.running(handle):
            await until(lambda: bench.unfinished_is(0))
        assert errors == []
        assert await bench.broker.read(bench.work.dlq) == []

    async def test_an_outage_is_one_circuit(self, bench: Bench) -> None:
        """While a dependency is away one batch at a time asks for it; once it is back, all are handled."""
        away, asking, most_at_once = True, 0, 0
        handled: set[int] = set()

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            nonlocal asking, most_at_once
            asking += 1
            if loop.problem():
                most_at_once = max(most_at_once, asking)
            await asyncio.sleep(0.005)
            asking -= 1
            if away:
                raise Transient("the database is away")
            handled.update(message.event.number for message in batch)
            return Handled()

        async with bench.running(handle, Limits(concurrency=8)) as loop:
            await until(lambda: loop.problem() is None)
            await bench.send(*[(f"k{number}", number) for number in range(40)])
            await until(lambda: loop.problem() == "outage: the database is away")
            await asyncio.sleep(0.2)  # those that were asking when it opened have their answers
            most_at_once = 0
            await asyncio.sleep(0.3)
            assert most_at_once <= 1
            away = False
            await until(lambda: len(handled) == 40)
            assert loop.problem() is None
        assert await bench.unfinished() == 0

    async def test_an_outage_ends_with_a_bad_record_too(self, bench: Bench) -> None:
        """Where the last record that waited turns out to be a bad one, nobody is told of an outage any more."""
        attempts = 0

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            nonlocal attempts
            attempts += 1
            if attempts <= 5:
                raise Transient("the database is away")
            raise Permanent(Code.CORRUPT, "now it answers, and refuses")

        await bench.send(("k", 1))
        async with bench.running(handle) as loop:
            await until(lambda: bench.unfinished_is(0))
            assert loop.problem() is None
        assert len(await bench.broker.read(bench.work.dlq)) == 1

    async def test_a_record_that_is_always_an_outage_delays_no_other(self, bench: Bench) -> None:
        """One record whose dependency never answers is tried for ever, while all others are handled."""
        handled: set[int] = set()

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            if batch[0].event.id == "poison":
                raise Transient("this one's object store is away")
            handled.update(message.event.number for message in batch)
            return Handled()

        await bench.send(("poison", -1), *[(f"k{number}", number) for number in range(60)])
        async with bench.running(handle):
            await until(lambda: len(handled) == 60)
        assert await bench.broker.read(bench.work.dlq) == []
        assert (await bench.unfinished()) >= 1

    async def test_every_record_is_accounted_for(self, bench: Bench) -> None:
        """The ledger balances while work is under way and at the end, whatever became of the records."""
        release = asyncio.Event()

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            if any(message.event.number == 13 for message in batch):
                raise Permanent(Code.CORRUPT, "number 13 is unlucky")
            await release.wait()
            return Handled(folded=len(batch) - 1)

        await bench.send(*[("k", number) for number in range(20)], b"rubbish")
        await bench.put_back("another group", ("k", 20))
        async with bench.running(handle, Limits(batch_records=6)) as loop:
            await until(lambda: loop.held >= 20)
            (line,) = loop.ledger()
            assert (line.held, line.imbalance) == (line.read - line.skipped - line.dead_lettered, 0)
            release.set()
            await until(lambda: bench.unfinished_is(0))
            (line,) = loop.ledger()
        assert (line.topic, line.group) == (bench.work.name, bench.group)
        assert (line.read, line.held, line.imbalance) == (22, 0, 0)
        assert (line.dead_lettered, line.skipped) == (2, 1)
        assert line.folded > 0
        assert line.done + line.folded == 19

    async def test_a_record_put_back_for_another_group_is_skipped(self, bench: Bench) -> None:
        """Of a dead letter that was put back only the group that had failed on it takes notice."""
        handled: list[int] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            handled.extend(message.event.number for message in batch)
            return Handled()

        await bench.put_back("another group", ("k", 1))
        await bench.put_back(bench.group, ("k", 2))
        async with bench.running(handle):
            await until(lambda: bench.unfinished_is(0))
        assert handled == [2]

    async def test_too_many_dead_letters_halt(self, bench: Bench) -> None:
        """A handler that fails on everything halts the loop after the limit: the rest of the topic stays unread."""

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            raise KeyError("a bad deployment")

        await bench.send(*[("k", number) for number in range(60)])
        async with bench.running(handle, policy=DeadLetterPolicy(run=5)) as loop:
            await until(lambda: "halted: more than 5 dead letters in a row" in (loop.problem() or ""))
            await until(lambda: bench.unfinished_is(55))
            assert loop.stuck() is None
        assert len(await bench.broker.read(bench.work.dlq)) == 5

    async def test_dead_letters_that_their_senders_are_to_blame_for_halt_nothing(self, bench: Bench) -> None:
        """Somebody who uploads many broken files stops nobody."""

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            raise Permanent(Code.ENCRYPTED, "needs a password")

        await bench.send(*[("k", number) for number in range(20)])
        async with bench.running(handle, policy=DeadLetterPolicy(run=5)):
            await until(lambda: bench.unfinished_is(0))
        assert len(await bench.broker.read(bench.work.dlq)) == 20

    async def test_a_halted_member_leaves_the_group(self, bench: Bench) -> None:
        """A member that has halted gives its partitions up: another one, which may be well, does its work."""
        handled: set[int] = set()

        async def bad(batch: Sequence[Message[Any]]) -> Handled:
            raise KeyError("a bad deployment")

        async def good(batch: Sequence[Message[Any]]) -> Handled:
            handled.update(message.event.number for message in batch)
            return Handled()

        await bench.send(*[("k", number) for number in range(30)])
        async with bench.running(bad, policy=DeadLetterPolicy(run=3)) as halted:
            await until(lambda: "halted" in (halted.problem() or ""))
            async with bench.running(good):
                await until(lambda: bench.unfinished_is(0))
        assert handled == set(range(3, 30))

    async def test_a_topic_may_stop_at_the_first_failure(self, bench: Bench) -> None:
        """Where the policy is to stop, a record that can't succeed is neither skipped nor a dead letter."""
        handled: list[int] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            if batch[0].event.number == 2:
                raise Permanent(Code.CORRUPT, "number 2 is broken")
            handled.append(batch[0].event.number)
            return Handled()

        await bench.send(*[("k", number) for number in range(5)])
        policy = DeadLetterPolicy(stop=frozenset({bench.work.name}))
        async with bench.running(handle, policy=policy) as loop:
            await until(lambda: "number 2 is broken" in (loop.problem() or ""))
            await until(lambda: bench.unfinished_is(3))
        assert handled == [0, 1]
        assert await bench.broker.read(bench.work.dlq) == []

    async def test_long_work_goes_on_where_its_partition_comes_back(self, bench: Bench) -> None:
        """Batches longer than the drain outlive a rebalance that leaves their partition here: they are done once."""
        release = asyncio.Event()
        begun: dict[str, list[str]] = {"first": [], "second": []}

        def member(name: str) -> Handler:
            async def handle(batch: Sequence[Message[Any]]) -> Handled:
                begun[name].append(batch[0].event.id)
                await release.wait()
                return Handled()

            return handle

        keys = {f"k{number}" for number in range(12)}
        await bench.send(*[(key, 1) for key in keys])
        limits = Limits(concurrency=12, drain=0.3)
        async with bench.running(member("first"), limits) as first:
            await until(lambda: set(begun["first"]) == keys)
            async with bench.running(member("second"), limits) as second:
                await until(lambda: second.problem() is None and bool(begun["second"]))
                release.set()
                await until(lambda: bench.unfinished_is(0))
                assert {line.imbalance for loop in (first, second) for line in loop.ledger()} == {0}
        assert len(begun["first"]) == len(keys)
        assert set(begun["second"]) < keys

    async def test_unknown_error_is_tried_again_then_a_dead_letter(self, bench: Bench) -> None:
        """A bug gets the policy's attempts, then a dead letter that carries the traceback."""
        attempts = 0

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            nonlocal attempts
            attempts += 1
            raise ZeroDivisionError("a bug")

        await bench.send(("k", 1))
        async with bench.running(handle):
            await until(lambda: bench.unfinished_is(0))
        (letter,) = await bench.broker.read(bench.work.dlq)
        assert attempts == QUICK.attempts
        assert letter.header("dlq_error_code") == b"bug"
        assert b"ZeroDivisionError: a bug" in (letter.header("dlq_error_message") or b"")

    async def test_fatal_error_ends_the_run_uncommitted(self, bench: Bench) -> None:
        """A fatal error leaves the loop at once; its record stays for the next run."""

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            raise Fatal("wrong settings")

        await bench.send(("k", 1))
        with pytest.raises(ExceptionGroup) as caught:
            await bench.run_to_end(handle)
        assert caught.group_contains(Fatal, match="wrong settings")
        assert await bench.unfinished() == 1

    async def test_stop_finishes_what_is_under_way(self, bench: Bench) -> None:
        """A stop lets batches under way finish and commits them; the rest is there for the next run."""
        started = asyncio.Event()
        finished: list[int] = []

        async def slow(batch: Sequence[Message[Any]]) -> Handled:
            started.set()
            await asyncio.sleep(0.2)
            finished.append(batch[0].event.number)
            return Handled()

        async def fast(batch: Sequence[Message[Any]]) -> Handled:
            finished.append(batch[0].event.number)
            return Handled()

        await bench.send(*[("k", number) for number in range(5)])
        async with bench.running(slow, Limits(concurrency=1)):
            await started.wait()
        assert finished == [0]
        assert await bench.unfinished() == 4
        async with bench.running(fast):
            await until(lambda: len(finished) == 5)
        assert finished == list(range(5))

    async def test_two_members_share_and_one_takes_over(self, bench: Bench) -> None:
        """Two members split the partitions; when one stops, the other does all, and nothing is left out."""
        handled: dict[str, set[int]] = {"one": set(), "two": set()}

        def member(name: str) -> Handler:
            async def handle(batch: Sequence[Message[Any]]) -> Handled:
                await asyncio.sleep(0.001)
                handled[name].update(message.event.number for message in batch)
                return Handled()

            return handle

        async with bench.running(member("one")):
            async with bench.running(member("two")):

                async def shared() -> bool:
                    await bench.send(*[(f"k{number}", number) for number in range(30)])
                    await asyncio.sleep(0.05)
                    return bool(handled["one"]) and bool(handled["two"])

                await until(shared)
            await bench.send(*[(f"k{number}", number) for number in range(100, 130)])
            await until(lambda: set(range(100, 130)) <= handled["one"])
        assert set(range(30)) <= handled["one"] | handled["two"]
        assert await bench.unfinished() == 0

    @pytest.mark.parametrize("concurrency", [1, 12])
    async def test_work_under_way_is_finished_before_its_partition_moves(self, bench: Bench, concurrency: int) -> None:
        """What is done within the drain is committed before another member begins, and nothing new is begun of what
        leaves: nothing is handled twice."""
        begun: list[int] = []
        slow = asyncio.Event()

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            begun.extend(message.event.number for message in batch)
            slow.set()
            await asyncio.sleep(0.25)
            return Handled()

        limits = Limits(concurrency=concurrency, drain=20)
        await bench.send(*[(f"k{number}", number) for number in range(12)])
        async with bench.running(handle, limits):
            await slow.wait()
            async with bench.running(handle, limits) as second:
                await until(lambda: second.problem() is None)
                await until(lambda: bench.unfinished_is(0))
        assert sorted(begun) == list(range(12))

    async def test_backpressure_bounds_what_is_held(self, bench: Bench) -> None:
        """With a stuck handler no more than the buffer and the batches under way are read."""
        release = asyncio.Event()
        seen: set[int] = set()

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            await release.wait()
            seen.update(message.event.number for message in batch)
            return Handled()

        await bench.send(*[(f"k{number}", number) for number in range(400)])
        async with bench.running(handle, Limits(concurrency=2, buffer_records=20, fetch_wait=0.1)) as loop:
            await until(lambda: loop.held >= 20)
            await asyncio.sleep(0.5)
            assert loop.held <= 3 * 20 + 2
            release.set()
            await until(lambda: len(seen) == 400)
        assert await bench.unfinished() == 0

    async def test_a_broken_log_is_left_until_it_is_adopted(self, bench: Bench) -> None:
        """A loop whose topic isn't the one any more that it has read says so and reads nothing; once that is mended it
        goes on by itself, with everything that was sent meanwhile."""
        handled: list[int] = []

        async def handle(batch: Sequence[Message[Any]]) -> Handled:
            handled.extend(message.event.number for message in batch)
            return Handled()

        await bench.send(("a", 1))
        async with bench.running(handle, Limits(inspect_every=0.1)) as loop:
            await until(lambda: bench.unfinished_is(0))
            await bench.broker.break_log(bench.work, bench.group)
            await until(lambda: "cauce topics adopt" in (loop.problem() or ""))
            await bench.send(("a", 2))
            assert loop.stuck() is None
            await bench.broker.mend_log(bench.work, bench.group)
            await until(lambda: 2 in handled)
            await until(lambda: loop.problem() is None)
        assert handled == [1, 2]

    @pytest.mark.parametrize("wiped", [False, True])
    async def test_a_store_that_was_put_back_while_nobody_read_has_everything_again(
        self, bench: Bench, wiped: bool
    ) -> None:
        """A backup of before, or an empty store: what it lacks is read again, though the group has committed it."""
        store = Store()
        backup = store.backup()
        for numbers in (range(30), range(30, 60)):
            await bench.send(*numbered(numbers))
            async with bench.running(store.handle, progress=store):
                await until(lambda: bench.unfinished_is(0))
            backup = backup if wiped or len(store.rows) == 60 else store.backup()
        store.put_back(backup)
        assert len(store.rows) == (0 if wiped else 30)
        async with bench.running(store.handle, progress=store):
            await until(lambda: store.rows == set(range(60)))
            await until(lambda: bench.unfinished_is(0))

    async def test_a_store_that_is_put_back_under_way_has_everything_again(self, bench: Bench) -> None:
        """While a loop writes, an older state takes the store's place: the loop goes back with it, by itself, and its
        ledger balances."""
        store = Store()
        async with bench.running(store.handle, Limits(inspect_every=0.2), progress=store) as loop:
            await bench.send(*numbered(range(20)))
            await until(lambda: bench.unfinished_is(0))
            backup = store.backup()
            await bench.send(*numbered(range(20, 40)))
            await until(lambda: bench.unfinished_is(0))
            store.put_back(backup)
            await bench.send(*numbered(range(40, 60)))
            await until(lambda: store.rows == set(range(60)))
            await until(lambda: bench.unfinished_is(0))
            await until(lambda: loop.problem() is None)
            assert [line.imbalance for line in loop.ledger()] == [0]

    async def test_an_idle_loop_sees_that_its_store_was_put_back(self, bench: Bench) -> None:
        """Also where nothing is left to be read, a look now and then finds it."""
        store = Store()
        async with bench.running(store.handle, Limits(inspect_every=0.2), progress=store):
            await bench.send(*numbered(range(20)))
            await until(lambda: bench.unfinished_is(0))
            backup = store.backup()
            await bench.send(*numbered(range(20, 40)))
            await until(lambda: bench.unfinished_is(0))
            store.put_back(backup)
            await until(lambda: store.rows == set(range(40)))

    async def test_a_store_without_bookmarks_is_as_far_as_the_group(self, bench: Bench) -> None:
        """One that an older release has written tells nothing: nothing is read again, and from now on it tells."""
        store = Store()
        await bench.send(*numbered(range(20)))
        async with bench.running(store.handle):
            await until(lambda: bench.unfinished_is(0))
        store.rows = {-1}
        async with bench.running(store.handle, progress=store):
            await bench.send(*numbered(range(20, 40)))
            await until(lambda: bench.unfinished_is(0))
        assert store.rows == {-1, *range(20, 40)}
        assert {place: mark.offset for place, mark in store.bookmarks.items()} == await bench.committed()

    async def test_a_store_that_can_not_be_told_holds_no_commit_back(self, bench: Bench) -> None:
        """What is done is committed all the same, and the store is told when it is there again."""
        store = Store()
        async with bench.running(store.handle, Limits(inspect_every=0.2), progress=store):
            await bench.send(*numbered(range(7)))
            await until(lambda: bench.unfinished_is(0))
            store.away = True
            await bench.send(*numbered(range(7, 14)))
            await until(lambda: bench.unfinished_is(0))
            store.away = False
            committed = await bench.committed()
            await until(lambda: {place: mark.offset for place, mark in store.bookmarks.items()} == committed)

    async def test_two_members_share_one_store(self, bench: Bench) -> None:
        """Each raises the bookmarks of its own partitions, also of those that come from the other: nothing is read
        again where nothing was put back."""
        store, before = Store(), total(REWOUND)
        async with bench.running(store.handle, progress=store):
            await bench.send(*numbered(range(20)))
            await until(lambda: bench.unfinished_is(0))
            async with bench.running(store.handle, progress=store) as second:
                await until(lambda: second.problem() is None)
                await bench.send(*numbered(range(20, 60)))
                await until(lambda: bench.unfinished_is(0))
            await bench.send(*numbered(range(60, 80)))
            await until(lambda: bench.unfinished_is(0))
        assert store.rows == set(range(80))
        assert total(REWOUND) == before
