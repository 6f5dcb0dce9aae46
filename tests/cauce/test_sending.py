from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from random import Random

import pytest

from cauce.sending import Counts, Sender, Target, TopicTarget, Wanted, picture, summary
from shared.errors import Transient
from shared.kafka.memory import MemoryBroker, MemoryProducer
from shared.streams.generators.models import model_for
from shared.streams.verdict import Accepted, judge
from tests.shared.streams.samples import orders

STREAM = orders()
Events = Sequence[tuple[bytes | None, bytes]]


class Kept:
    """A target that keeps what it gets, and answers when it is let."""

    def __init__(self) -> None:
        self.events: list[tuple[bytes | None, bytes]] = []
        self.batches: list[int] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, events: Events) -> tuple[int, int]:
        await self.open.wait()
        self.events += events
        self.batches.append(len(events))
        return len(events) - 1, 1


class Broken:
    async def send(self, events: Events) -> tuple[int, int]:
        raise Transient("away")


def sender(target: Target, wanted: Wanted) -> Sender:
    return Sender(STREAM, model_for(STREAM, 7), target, wanted, Random(7))


async def test_it_sends_as_many_as_wanted_and_counts_the_answers() -> None:
    """As fast as it can; what was refused is counted by itself."""
    target = Kept()
    sending = sender(target, Wanted(rate=0, count=5_000))
    await sending.run()
    counts = sending.counts
    assert (counts.sent, len(target.events)) == (5_000, 5_000)
    assert counts.acknowledged + counts.rejected == 5_000
    assert counts.rejected == len(target.batches)
    assert {key for key, _ in target.events} == {json.loads(value)["customer"].encode() for _, value in target.events}


async def test_a_rate_is_kept_evenly() -> None:
    """200 a second for half a second are 100, in many small batches."""
    target = Kept()
    await sender(target, Wanted(rate=200, seconds=0.5)).run()
    assert len(target.events) == 100
    assert len(target.batches) >= 5


async def test_no_more_is_on_its_way_than_a_slow_target_takes() -> None:
    """A target that does not answer holds the sender back; then it goes on."""
    target = Kept()
    target.open.clear()
    sending = sender(target, Wanted(rate=0, count=50_000))
    task = asyncio.create_task(sending.run())
    await asyncio.sleep(0.3)
    assert sending.counts.sent < 50_000
    assert sending.counts.acknowledged == 0
    target.open.set()
    await task
    assert len(target.events) == 50_000


async def test_interrupted_it_still_counts_the_answers() -> None:
    """Ctrl-C waits for what is on its way."""
    target = Kept()
    sending = sender(target, Wanted(rate=100))
    task = asyncio.create_task(sending.run())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sending.counts.sent == len(target.events) > 0


async def test_an_error_ends_it() -> None:
    """The first one; nothing is left behind."""
    with pytest.raises(Transient, match="away"):
        await sender(Broken(), Wanted(rate=0)).run()


async def test_a_share_of_rubbish() -> None:
    """About one in twenty is refused by the declaration, the others are not."""
    target = Kept()
    sending = sender(target, Wanted(rate=0, count=2_000, bad=0.05))
    await sending.run()
    verdicts = [judge(STREAM, value, json.loads(target.events[0][1])["at"]) for _, value in target.events[1:]]
    refused = sum(not isinstance(verdict, Accepted) for verdict in verdicts)
    assert 50 < sending.counts.bad < 150
    assert abs(refused - sending.counts.bad) <= 1


async def test_straight_to_the_topic() -> None:
    """Acknowledged by the broker, under the key that the declaration names."""
    broker = MemoryBroker({"orders": 3})
    sending = sender(TopicTarget(MemoryProducer(broker), STREAM), Wanted(rate=0, count=30))
    await sending.run()
    assert sending.counts.acknowledged == len(broker.read("orders")) == 30
    assert all(record.key == json.loads(record.value or b"")["customer"].encode() for record in broker.read("orders"))


def test_the_counters_are_shown() -> None:
    """While it goes on, and at the end."""
    counts = Counts(sent=10, bad=1)
    counts.came_through(4, 1)
    counts.came_through(4, 1)
    assert picture(counts).row_count == 1
    assert counts.per_second > 0
    assert summary(counts).startswith("10 sent, 1 of them bad, 8 acknowledged, 2 rejected in ")
