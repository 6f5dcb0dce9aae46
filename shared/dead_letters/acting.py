"""Redriving and discarding.

A redrive says in `dlq.actions` that it begins, sends the record, and says that it is done; each step is acknowledged
before the next. After a crash in between the letter is `unfinished`: the next redrive looks for the record at its topic
first, and only says that it is done where it finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.contracts.dead_letters import Action, DeadLetterAction
from shared.dead_letters.book import Entry, State, read_action
from shared.dead_letters.desk import ACTIONS, Chosen, Desk
from shared.dead_letters.letters import Identity
from shared.dead_letters.mending import Mend, Unmendable
from shared.dead_letters.redrive import PATIENCE, Operator, Ready, is_of, left_alone, make_ready
from shared.dead_letters.waiver import behind_windows
from shared.kafka.records import Emit, Record, encode
from shared.kafka.transport import Producer
from shared.streams.declaration import Stream
from shared.topics import DLQ_ACTIONS

SOURCE = "dead_letters"
AT_ONCE = 200
"""Letters whose values are in memory together."""


@dataclass(slots=True)
class Done:
    """What became of the letters: where the redriven ones are now, `found` those that an earlier run had sent without
    saying so, and why the others were left. `planned` is what a dry run would send; `advice` says what comes next."""

    redriven: dict[Identity, str] = field(default_factory=dict)
    found: dict[Identity, str] = field(default_factory=dict)
    discarded: list[Identity] = field(default_factory=list)
    planned: list[Ready] = field(default_factory=list)
    left: dict[Identity, str] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)

    @staticmethod
    def without(chosen: Chosen) -> Done:
        return Done(left=dict.fromkeys(chosen.missing, "there is no such dead letter"))


class Operations:
    """Every method raises Transient where Kafka is away: what was begun then is `unfinished`, and may be repeated."""

    def __init__(self, desk: Desk, producer: Producer, streams: Sequence[Stream] = ()) -> None:
        """`streams` are those whose events may be among the letters."""
        self._desk = desk
        self._producer = producer
        self._streams = streams

    async def plan(self, chosen: Chosen, mend: Mend, *, accept_time: bool = False) -> Done:
        """What a redrive of these would do, without doing it."""
        done = Done.without(chosen)
        for batch in _batches(chosen.entries, AT_ONCE):
            done.planned += await self._ready(batch, mend, done, accept_time)
        self._advise(done.planned, done)
        return done

    async def redrive(
        self, chosen: Chosen, mend: Mend, who: Operator, rate: float | None = None, *, accept_time: bool = False
    ) -> Done:
        """`rate`: how many in a second at most. `accept_time` waives the rule of late and future for them; `who` says
        why."""
        done, size = Done.without(chosen), min(AT_ONCE, max(1, int(rate))) if rate else AT_ONCE
        sent: list[Ready] = []
        for number, batch in enumerate(_batches(chosen.entries, size)):
            if rate and number:
                await asyncio.sleep(size / rate)
            ready = await self._ready(batch, mend, done, accept_time)
            sent += await self._redrive(ready, who, chosen.known_until, done)
        self._advise(sent, done)
        return done

    def _advise(self, ready: Sequence[Ready], done: Done) -> None:
        waived = (one.outgoing for one in ready if one.accept_time)
        done.advice += behind_windows(waived, self._streams, datetime.now(UTC))

    async def discard(self, chosen: Chosen, who: Operator) -> Done:
        """They are left alone from now on, unless one fails again that was under way."""
        done, now = Done.without(chosen), datetime.now(UTC)
        done.left |= {entry.identity: why for entry in chosen.entries if (why := left_alone(entry, now))}
        mine = [entry for entry in chosen.entries if entry.identity not in done.left]
        await self._say([who.says(Action.DISCARDED, entry) for entry in mine])
        done.discarded = [entry.identity for entry in mine]
        return done

    async def _ready(self, batch: Sequence[Entry], mend: Mend, done: Done, accept_time: bool) -> list[Ready]:
        now = datetime.now(UTC)
        done.left |= {entry.identity: why for entry in batch if (why := left_alone(entry, now))}
        mine = [entry for entry in batch if entry.identity not in done.left]
        contents = {one.letter.identity: one for one in await self._desk.open([entry.letter for entry in mine])}
        ready = []
        for entry in mine:
            try:
                content = await self._desk.whole(contents.get(entry.identity))
                limit = self._desk.limit_of(entry.identity.topic)
                ready.append(make_ready(entry, content, mend, limit, accept_time=accept_time))
            except Unmendable as error:
                done.left[entry.identity] = str(error)
        return ready

    async def _redrive(self, ready: Sequence[Ready], who: Operator, known_until: int, done: Done) -> list[Ready]:
        """Those that were sent."""
        there = await self._already_there([one.entry for one in ready if one.entry.state is State.UNFINISHED])
        await self._say(
            [
                who.says(Action.REDRIVEN, entry, record.position, accept_time=record.accepts_time)
                for entry, record in there
            ]
        )
        done.found |= {entry.identity: record.position for entry, record in there}
        mine = await self._claim([one for one in ready if one.entry.identity not in done.found], who, known_until, done)
        if not mine:
            return []
        written = await self._producer.publish([one.outgoing for one in mine])
        where = [f"{one.partition.topic}-{one.partition.number}-{one.offset}" for one in written]
        await self._say(
            [
                who.says(Action.REDRIVEN, one.entry, at, accept_time=one.accept_time)
                for one, at in zip(mine, where, strict=True)
            ]
        )
        done.redriven |= {one.entry.identity: at for one, at in zip(mine, where, strict=True)}
        return mine

    async def _already_there(self, entries: Sequence[Entry]) -> list[tuple[Entry, Record]]:
        """Those whose begun redrive has sent the record, with it."""
        found: list[tuple[Entry, Record]] = []
        for topic in sorted({entry.identity.topic for entry in entries}):
            mine = [entry for entry in entries if entry.identity.topic == topic]
            records = await self._redriven_since(topic, min(entry.action.at for entry in mine if entry.action))
            where = {entry.identity: (entry, one) for entry in mine for one in records if is_of(one, entry)}
            found += where.values()
        return found

    async def _redriven_since(self, topic: str, begun: datetime) -> list[Record]:
        """With some time before, since the clocks of who began it and of the broker may differ."""
        since = int((begun - PATIENCE).timestamp() * 1000)
        [starts] = await self._desk.questions.offsets_at(topic, [since])
        held = await self._desk.questions.ranges([topic])
        stretch = {place: range(start, held[place].stop) for place, start in starts.items()}
        return [record for record in await self._desk.records(stretch) if record.redrives]

    async def _claim(self, ready: Sequence[Ready], who: Operator, known_until: int, done: Done) -> list[Ready]:
        """Says that these are being redriven. Of two who say it at once, the one that is first in the topic goes on;
        the other repeats what the first has said since, whose word must stay the newest."""
        if not ready:
            return []
        offsets = await self._say([who.says(Action.REDRIVE, one.entry, accept_time=one.accept_time) for one in ready])
        mine = {str(one.entry.identity): offset for one, offset in zip(ready, offsets, strict=True)}
        rivals = {
            Identity.parse(action.identity): action
            for record in await self._desk.records({ACTIONS: range(known_until, max(offsets))})
            if (action := read_action(record)) and action.run != who.run
            if record.offset < mine.get(action.identity, -1)
        }
        await self._say([action for action in rivals.values() if action.action is not Action.REDRIVE])
        done.left |= {identity: f"{action.by} was first: {action.action}" for identity, action in rivals.items()}
        return [one for one in ready if one.entry.identity not in rivals]

    async def _say(self, actions: Sequence[DeadLetterAction]) -> list[int]:
        """Returns their offsets in `dlq.actions`."""
        said = encode([Emit(DLQ_ACTIONS, action) for action in actions], SOURCE)
        return [written.offset for written in await self._producer.publish(said)] if said else []


def _batches(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    return (entries[first : first + size] for first in range(0, len(entries), size))
