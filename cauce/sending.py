"""Events on their way in: evenly paced batches, some of them in flight, and what became of them."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from rich.table import Table

from cauce.gateway import Gateway
from shared.errors import CauceError
from shared.kafka.records import Outgoing
from shared.kafka.transport import Producer
from shared.streams.declaration import Stream
from shared.streams.generators.models import Model
from shared.streams.generators.rubbish import Rubbish
from shared.streams.generators.times import Pace

TICK_SECONDS = 0.05
IN_FLIGHT = 8
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Wanted:
    """`rate` in events a second, 0 for as many as are taken; None for no end. `bad` is the share of rubbish."""

    rate: float
    count: int | None = None
    seconds: float | None = None
    bad: float = 0.0


@dataclass
class Counts:
    """`sent` are on their way or have come through; times in seconds of a monotonic clock."""

    sent: int = 0
    bad: int = 0
    acknowledged: int = 0
    rejected: int = 0
    started: float = field(default_factory=time.monotonic)
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=40))

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def came_through(self, accepted: int, rejected: int) -> None:
        self.acknowledged += accepted
        self.rejected += rejected
        self._recent.append((time.monotonic(), self.acknowledged))

    @property
    def per_second(self) -> float:
        """Acknowledged of late."""
        if len(self._recent) < 2:
            return 0.0
        (before, some), (now, more) = self._recent[0], self._recent[-1]
        return (more - some) / max(now - before, 1e-3)


class Target(Protocol):
    """Takes events."""

    async def send(self, events: Sequence[tuple[bytes | None, bytes]]) -> tuple[int, int]:
        """Keys and values; returns how many were taken and how many were refused."""


class GatewayTarget:
    def __init__(self, gateway: Gateway, stream: Stream) -> None:
        self._gateway = gateway
        self._stream = stream

    async def send(self, events: Sequence[tuple[bytes | None, bytes]]) -> tuple[int, int]:
        """Raises LocalStackError."""
        taken = await self._gateway.events(self._stream.name, b"\n".join(value for _, value in events))
        return taken.accepted, taken.rejected


class TopicTarget:
    def __init__(self, producer: Producer, stream: Stream) -> None:
        self._producer = producer
        self._topic = stream.topic_name

    async def send(self, events: Sequence[tuple[bytes | None, bytes]]) -> tuple[int, int]:
        """Raises Transient."""
        done = await self._producer.publish([Outgoing(self._topic, key, value) for key, value in events])
        return len(done), 0


class Sender:
    """Sends what a model makes to a target until enough is sent, and then waits for what is on its way."""

    def __init__(self, stream: Stream, model: Model, target: Target, wanted: Wanted, random: Random) -> None:
        self.counts = Counts()
        self._stream = stream
        self._model = model
        self._target = target
        self._wanted = wanted
        self._random = random
        self._rubbish = Rubbish(stream, random)
        self._pace = Pace(wanted.rate)
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._sends: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Cancelled, it still waits a while for answers. Raises the first error of the target."""
        self.counts.started = time.monotonic()
        try:
            while not self._enough():
                await self._send_what_is_due()
                self._look_for_errors()
                await self._until_next_tick()
            if self._wanted.rate:
                await self._send_what_is_due()
            await asyncio.gather(*self._sends)
        except CauceError:
            for task in self._sends:
                task.cancel()
            raise
        finally:
            await asyncio.gather(asyncio.wait_for(self._answers(), STOP_SECONDS), return_exceptions=True)

    async def _answers(self) -> None:
        """None of them raises here: the first error is on its way already."""
        await asyncio.gather(*self._sends, return_exceptions=True)

    def _enough(self) -> bool:
        counted = self._wanted.count is not None and self.counts.sent >= self._wanted.count
        return counted or (self._wanted.seconds is not None and self.counts.seconds >= self._wanted.seconds)

    async def _send_what_is_due(self) -> None:
        due = self._pace.due(min(self.counts.seconds, self._wanted.seconds or math.inf))
        if self._wanted.count is not None:
            due = min(due, self._wanted.count - self.counts.sent)
        if due <= 0:
            return
        await self._places.acquire()
        task = asyncio.create_task(self._send(self._make(due)))
        task.add_done_callback(lambda _: self._places.release())
        self._sends.add(task)
        self.counts.sent += due

    async def _send(self, events: Sequence[tuple[bytes | None, bytes]]) -> None:
        self.counts.came_through(*await self._target.send(events))

    def _look_for_errors(self) -> None:
        for task in [task for task in self._sends if task.done()]:
            self._sends.discard(task)
            task.result()

    async def _until_next_tick(self) -> None:
        """Ticks lie at multiples since the start, so that none is late because of those before."""
        if self._wanted.rate == 0:
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(TICK_SECONDS - self.counts.seconds % TICK_SECONDS)

    def _make(self, count: int) -> list[tuple[bytes | None, bytes]]:
        now = int(time.time() * 1000)
        return [self._record(event, now) for event in self._model.events([now] * count)]

    def _record(self, event: dict[str, str | int | float | bool], now: int) -> tuple[bytes | None, bytes]:
        name = self._stream.topic.key
        key = str(event[name]).encode() if name else None
        if self._wanted.bad and self._random.random() < self._wanted.bad:
            self.counts.bad += 1
            return key, self._rubbish.spoil(event, now).value
        return key, json.dumps(event).encode()


def picture(counts: Counts) -> Table:
    """The counters, as they change."""
    table = Table("sent", "of them bad", "acknowledged", "rejected", "events/s", "s", box=None, pad_edge=False)
    numbers = (counts.sent, counts.bad, counts.acknowledged, counts.rejected)
    table.add_row(*map(str, numbers), f"{counts.per_second:.0f}", f"{counts.seconds:.0f}")
    return table


def summary(counts: Counts) -> str:
    bad = f", {counts.bad} of them bad" if counts.bad else ""
    rate = counts.acknowledged / max(counts.seconds, 1e-3)
    ends = f"{counts.acknowledged} acknowledged, {counts.rejected} rejected"
    return f"{counts.sent} sent{bad}, {ends} in {counts.seconds:.1f} s: {rate:.0f} a second"
