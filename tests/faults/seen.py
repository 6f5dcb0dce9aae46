"""What is there, read from outside: topics, offsets, stores."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import Transient
from shared.kafka.client import KafkaAdmin, offset_ranges, read_from
from shared.kafka.lag import GROUPS
from shared.kafka.records import Partition, Record
from tests.faults.truth import GROUP_OF, WATCHED, Letter, Truth
from tests.faults.world import World

STILL = 3
Found = Mapping[str, list[Record]]
"""Records by topic, in the order of their partitions."""


async def records_of(world: World, truth: Truth) -> dict[str, list[Record]]:
    """All that was written since the case began, by topic, in each partition's order."""
    held = await offset_ranges(world.kafka, WATCHED)
    ends = {partition: offsets.stop for partition, offsets in held.items()}
    found: defaultdict[str, list[Record]] = defaultdict(list)
    async for batch in read_from(world.kafka, truth.starts, ends):
        for record in batch:
            found[record.partition.topic].append(record)
    return found


def events(records: list[Record]) -> Iterator[dict[str, Any]]:
    """What the values say, of those that are messages."""
    for record in records:
        if record.value and record.value.startswith(b"{"):
            yield json.loads(record.value)


async def committed(world: World) -> dict[str, dict[Partition, int]]:
    async with KafkaAdmin(world.kafka) as admin:
        return {group: await admin.committed(group) for group in GROUPS}


async def quiet(world: World, truth: Truth, seconds: float = 150) -> None:
    """Waits until every group has committed everything, several times in a row: db_writer reads what it says itself."""
    still, behind = 0, "nothing asked yet"
    try:
        async with asyncio.timeout(seconds):
            while still < STILL:
                behind = await _behind(world, truth)
                still = 0 if behind else still + 1
                await asyncio.sleep(0.25)
    except TimeoutError:
        raise AssertionError(f"not quiet after {seconds:g} s: {behind}") from None


async def _behind(world: World, truth: Truth) -> str:
    try:
        marks = await committed(world)
        held = await offset_ranges(world.kafka, [topic for topic in WATCHED if not topic.endswith(".dlq")])
    except Transient as error:
        return str(error)
    return ", ".join(
        f"{group} at {mark} of {held[partition].stop} in {partition.topic}-{partition.number}"
        for group in GROUPS
        for partition in held
        if reads(group, partition.topic)
        and (mark := max(marks[group].get(partition, -1), truth.starts[partition])) < held[partition].stop
    )


def reads(group: str, topic: str) -> bool:
    """`documents.status` has one reader, which is db_writer."""
    return not topic.endswith(".dlq") and group in GROUP_OF.get(topic, ("db_writer.documents",))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """By its identity, and what it says."""

    letter: Letter
    position: tuple[str, int, int]
    code: str
    value: bytes | None


def dead_letters(found: Found) -> dict[tuple[str, tuple[str, int, int]], DeadLetter]:
    """Folded by identity: a crash may have written one twice."""
    letters = [_dead_letter(record) for topic, records in found.items() if topic.endswith(".dlq") for record in records]
    return {(letter.letter.group, letter.position): letter for letter in letters}


def _dead_letter(record: Record) -> DeadLetter:
    said = {name: value.decode(errors="replace") for name, value in record.headers if name.startswith("dlq_")}
    topic = said["dlq_source_topic"]
    position = (topic, int(said["dlq_source_partition"]), int(said["dlq_source_offset"]))
    letter = Letter(said["dlq_consumer_group"], topic, (record.key or b"").decode())
    return DeadLetter(letter, position, said["dlq_error_code"], record.value)
