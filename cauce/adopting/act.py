"""Does what is planned. Each step can be repeated: what was done before is found as done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cauce.adopting.facts import Facts, look_at
from cauce.adopting.lost import Lost, PutBack
from cauce.adopting.plan import CLOCKS_MS, Finding, adoption, new_marks, streams_to_reset
from shared.errors import Fatal, Transient
from shared.kafka.client import Connection, KafkaAdmin, KafkaProducer, offsets_at
from shared.kafka.client.adoption import put_adopted
from shared.kafka.continuity import Mark
from shared.kafka.records import Emit, Partition, encode
from shared.streams import applying
from shared.streams.declaration import Stream
from shared.topics import UPLOADS_RECEIVED

LEAVE_SECONDS = 60.0
"""A group that has noticed is empty within some 15 s: its members look every 10 s, and finish what is under way."""
STORED_SECONDS = 60.0
AT_ONCE = 500
SOURCE = "cauce"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Adoption:
    """Goes on with the logs as they are now. `tell` is called with a line for each thing that was done."""

    connection: Connection
    streams: Sequence[Stream]
    reason: str | None
    tell: Tell

    async def adopt(self, facts: Facts, found: Sequence[Finding]) -> None:
        """Raises Transient where groups don't leave, or db_writer doesn't confirm, in time: repeating it goes on."""
        places = [(finding, await self._new_marks(finding, facts)) for finding in found]
        for finding, by_group in places:
            for group, marks in by_group.items():
                await self._set_offsets(group, marks, finding.topic)
        now = datetime.now(UTC)
        adopted = [adoption(finding, facts, now, self.reason) for finding in found]
        await put_adopted(self.connection, adopted, SOURCE)
        for one in adopted:
            self.tell(f"adopted {one.topic}: incarnation {one.incarnation}")
        for stream in streams_to_reset(found, self.streams):
            await self._reset(stream)
        if any(finding.topic == UPLOADS_RECEIVED.name for finding in found):
            await self._until_stored()

    async def _new_marks(self, finding: Finding, facts: Facts) -> dict[str, dict[Partition, Mark]]:
        at: Mapping[Partition, int] = {}
        if finding.since is not None:
            (at,) = await offsets_at(self.connection, finding.topic, [finding.since - CLOCKS_MS])
        return new_marks(finding, facts, at)

    async def _set_offsets(self, group: str, marks: Mapping[Partition, Mark], topic: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEAVE_SECONDS
        async with KafkaAdmin(self.connection) as admin:
            while members := await admin.members(group):
                if loop.time() > deadline:
                    raise Transient(f"{group} still has {members} members: stop its processes, and repeat the command")
                await asyncio.sleep(0.5)
            await admin.set_offsets(group, marks)
        places = ", ".join(f"{partition.number}: {mark.offset}" for partition, mark in sorted(marks.items()))
        self.tell(f"{group} goes on in {topic} at {places}")

    async def _reset(self, stream: Stream) -> None:
        try:
            record = await applying.reset(self.connection, self.streams, stream.name, self.reason or "its log was lost")
        except Fatal as error:
            self.tell(f"{stream.name}: not begun anew: {error}")
        else:
            self.tell(f"{stream.name}: epoch {record.epoch} begins")

    async def _until_stored(self) -> None:
        """Until then the gateway accepts nothing, and a version might be below one that the store holds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STORED_SECONDS
        while not await self._is_stored():
            if loop.time() > deadline:
                raise Transient(
                    "db_writer has not put the incarnation into MongoDB: does it run? Repeat the command once it does"
                    "once you repeat the command with --put-back"
                )
            await asyncio.sleep(0.5)

    async def _is_stored(self) -> bool:
        look = await look_at(self.connection, [UPLOADS_RECEIVED.name])
        return look.adopted[UPLOADS_RECEIVED.name].stored

    async def put_back(self, lost: Lost) -> int:
        """What was accepted and has not ended is uploaded again, from its object; returns how many."""
        look = await look_at(self.connection, [UPLOADS_RECEIVED.name])
        base = look.adopted[UPLOADS_RECEIVED.name].base
        producer = KafkaProducer(self.connection)
        try:
            for first in range(0, len(lost.back), AT_ONCE):
                some: Sequence[PutBack] = lost.back[first : first + AT_ONCE]
                events = [one.event.model_copy(update={"base": base}) for one in some]
                await producer.publish(encode([Emit(UPLOADS_RECEIVED, event) for event in events], SOURCE))
        finally:
            await producer.stop()
        return len(lost.back)
