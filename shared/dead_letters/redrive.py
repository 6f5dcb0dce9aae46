"""What a redrive comes to: the record that goes back, and what is written down before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.contracts.dead_letters import Action, DeadLetterAction
from shared.dead_letters import waiver
from shared.dead_letters.book import UNDONE, Entry, State
from shared.dead_letters.letters import Identity, Letter, Opened
from shared.dead_letters.mending import Mend, Unmendable
from shared.kafka.records import ACCEPT_TIME, PREFIX, Outgoing, Record

PATIENCE = timedelta(seconds=60)
"""As long as a redrive that was begun may still be under way; who begins it is done or has given up well before."""
ROOM = 1024
"""Bytes by which a record must stay below its topic's limit: what a batch of one adds to it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A letter and the record that shall go back for it."""

    entry: Entry
    outgoing: Outgoing
    accept_time: bool = False

    @property
    def redrives(self) -> int:
        return self.entry.letter.redrives + 1


def left_alone(entry: Entry, now: datetime) -> str | None:
    """Why nothing is to be redriven, or discarded, here; None where something is."""
    action = entry.action
    if entry.state not in UNDONE:
        return f"{entry.state} already"
    if entry.state is State.UNFINISHED and action and now - action.at < PATIENCE:
        return f"{action.by} began to redrive it at {action.at:%H:%M:%S} UTC: try again in a minute"
    return None


def make_ready(entry: Entry, opened: Opened, mend: Mend, limit: int, *, accept_time: bool = False) -> Ready:
    """`limit`: the topic's `max.message.bytes`; `accept_time` waives the rule of late and future. Raises Unmendable."""
    letter = entry.letter
    value = mend(opened)
    waiver.check(letter, changed=value != opened.value, waived=accept_time)
    headers = (*opened.headers, *_lineage(letter), *(_WAIVED if accept_time else ()))
    outgoing = Outgoing(letter.identity.topic, letter.key, value, headers)
    if _size(outgoing) + ROOM > limit:
        raise Unmendable(f"with its headers it would exceed the {limit} bytes that `{outgoing.topic}` takes")
    return Ready(entry, outgoing, accept_time)


_WAIVED = ((PREFIX + ACCEPT_TIME, b"true"),)


def _lineage(letter: Letter) -> tuple[tuple[str, bytes], ...]:
    """By these the record keeps its first position, and reaches only the group that failed on it."""
    identity = letter.identity
    facts = {
        "source_topic": identity.topic,
        "source_partition": str(identity.partition),
        "source_offset": str(identity.offset),
        "source_timestamp": str(round(letter.recorded_at.timestamp() * 1000)),
        "target_group": identity.group,
        "redrive_count": str(letter.redrives + 1),
    }
    return tuple((PREFIX + name, value.encode()) for name, value in facts.items())


def _size(outgoing: Outgoing) -> int:
    headers = sum(len(name) + len(value or b"") + 8 for name, value in outgoing.headers)
    return len(outgoing.key or b"") + len(outgoing.value or b"") + headers


def is_of(record: Record, entry: Entry) -> bool:
    """Whether this is the record of the redrive that was begun."""
    first, identity = record.first, entry.identity
    came_from = Identity(record.target_group or "", first.partition.topic, first.partition.number, first.offset)
    return came_from == identity and record.redrives == entry.letter.redrives + 1


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, and in which run of a command: two that act at once must not take each other's word for theirs."""

    by: str
    run: str
    why: str | None = None

    def says(
        self, action: Action, entry: Entry, position: str | None = None, *, accept_time: bool = False
    ) -> DeadLetterAction:
        redrives = entry.letter.redrives + (action is not Action.DISCARDED)
        return DeadLetterAction(
            identity=str(entry.identity),
            action=action,
            redrives=redrives,
            by=self.by,
            at=datetime.now(UTC),
            why=self.why,
            run=self.run,
            position=position,
            accept_time=accept_time,
        )
