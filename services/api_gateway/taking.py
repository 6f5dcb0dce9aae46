"""One `POST /events/{stream}`: reads, judges and publishes while it counts, so that the answer can always say how many
events are in Kafka for sure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from services.api_gateway.bodies import Body
from services.api_gateway.event_lines import Line, Lines, items
from services.api_gateway.events import Check, Events
from services.api_gateway.problems import Problem
from shared.kafka.records import Outgoing
from shared.streams.verdict import Refused

MOST_ERRORS = 100
JUDGED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Rejection:
    """`index` counts the request's events from 0; `line` counts lines from 1, where the body has lines."""

    index: int
    code: str
    detail: str
    line: int | None = None


@dataclass(slots=True)
class Tally:
    """`seen` events were judged; `accepted` are acknowledged. `line` is the first that isn't known to be in Kafka."""

    seen: int = 0
    accepted: int = 0
    rejected: int = 0
    line: int | None = None
    errors: list[Rejection] = field(default_factory=list)

    def reject(self, refused: Refused, index: int, line: int | None) -> None:
        self.rejected += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(Rejection(index, refused.code.value, refused.message, line))


class Stopped(Exception):
    """A bad event ends the request."""


class Taking:
    """`skip`: bad events are left out and told, instead of ending the request."""

    def __init__(self, events: Events, check: Check, *, skip: bool) -> None:
        self._events = events
        self._check = check
        self._skip = skip
        self.tally = Tally()

    async def lines(self, body: Body, longest: int) -> None:
        """Publishes as the lines come, so that a request of any length takes little memory.

        Raises Stopped at the first bad line, with all before it acknowledged; Busy, Transient (ClockApart among them)
        and Permanent as `Events` does; Problem as `Body` does.
        """
        self.tally.line = 1
        lines = Lines(longest)
        async for piece in body.pieces():
            await self._lines(lines.feed(piece))
        await self._lines(lines.end())

    async def _lines(self, lines: Iterable[Line]) -> None:
        lines = iter(lines)
        while (line := next(lines, None)) is not None:
            others = islice(lines, self._events.at_once(self._check.stream) - 1)
            await self._some_lines([line, *others])

    async def _some_lines(self, lines: list[Line]) -> None:
        """Those before a bad line are published before it ends the request."""
        good: list[Outgoing] = []
        for line in lines:
            record = await self._judged(line.value, line.number)
            if record is not None:
                good.append(record)
            elif not self._skip:
                await self._publish(good)
                self.tally.line = line.number
                raise Stopped
        await self._publish(good)
        self.tally.line = lines[-1].number + 1

    async def json(self, body: Body, most: int) -> None:
        """One object, or an array of at most `most` bytes, of which nothing is published before all is judged.

        Raises as `lines` does, and Problem 413.
        """
        with self._events.room.share() as share:
            whole = bytearray()
            async for piece in body.pieces():
                if len(whole) + len(piece) > most:
                    raise _too_long(most)
                share.take(len(piece))
                whole += piece
            await self._items(bytes(whole))

    async def _items(self, body: bytes) -> None:
        judged = [await self._judged(value, None) for value in items(body)]
        good = [record for record in judged if record is not None]
        if self.tally.rejected and not self._skip:
            raise Stopped
        while good:
            most = self._events.at_once(self._check.stream)
            await self._acknowledged(good[:most])
            good = good[most:]

    async def _judged(self, value: bytes | None, line: int | None) -> Outgoing | None:
        """Lets other requests have their turn now and then."""
        index = self.tally.seen
        if index % JUDGED_AT_ONCE == JUDGED_AT_ONCE - 1:
            await asyncio.sleep(0)
        self.tally.seen += 1
        found = self._check.record(value, index)
        if isinstance(found, Refused):
            self.tally.reject(found, index, line)
            return None
        return found

    async def _publish(self, records: list[Outgoing]) -> None:
        with self._events.room.share() as share:
            share.take(sum(len(record.value or b"") for record in records))
            await self._acknowledged(records)

    async def _acknowledged(self, records: list[Outgoing]) -> None:
        if records:
            await self._events.publish(records)
            self.tally.accepted += len(records)


def _too_long(most: int) -> Problem:
    detail = (
        f"a JSON body may have at most {most} bytes: send the events as NDJSON, one a line, which may be of any length"
    )
    return Problem(413, "too_large", detail, limit_bytes=most)
