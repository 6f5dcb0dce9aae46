"""Which records may be worked on at once."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from shared.contracts.base import Event
from shared.kafka.lanes import Lanes
from shared.kafka.records import Message, Partition, Record


def message(offset: int, key: bytes | None, partition: int = 0) -> Message[Event]:
    return Message(Record(Partition("t", partition), offset, 0, key, b"value"), Event())


def add(lanes: Lanes, *messages: Message[Event]) -> None:
    for each in messages:
        lanes.add(each.record.partition, [each])


def offsets(batch: list[Message[Event]]) -> list[int]:
    return [item.record.offset for item in batch]


def test_one_key_is_taken_in_order_and_only_by_one_batch() -> None:
    """While a batch holds a key, later records of that key wait for it."""
    lanes = Lanes()
    for offset in range(3):
        add(lanes, message(offset, b"a"))
    first = lanes.take(2)
    assert offsets(first) == [0, 1]
    assert lanes.take(2) == []
    add(lanes, message(3, b"a"))
    lanes.release(first)
    rest = lanes.take(9)
    assert offsets(rest) == [2, 3]
    add(lanes, message(4, b"a"))
    assert lanes.take(9) == []
    lanes.release(rest)
    assert offsets(lanes.take(9)) == [4]


def test_other_keys_fill_the_batch() -> None:
    """A batch is filled over keys, in the order of their records."""
    lanes = Lanes()
    for offset, key in enumerate([b"a", b"b", b"a", b"c"]):
        add(lanes, message(offset, key))
    assert offsets(lanes.take(3)) == [0, 1, 2]
    assert offsets(lanes.take(3)) == [3]


def test_records_without_a_key_have_no_order() -> None:
    """Each keyless record may be worked on beside the others."""
    lanes = Lanes()
    add(lanes, message(0, None))
    add(lanes, message(1, None))
    assert offsets(lanes.take(1)) == [0]
    assert offsets(lanes.take(1)) == [1]


def test_same_key_in_two_partitions_is_two_lanes() -> None:
    """Order is promised per partition and key, so two partitions never wait for each other."""
    lanes = Lanes()
    add(lanes, message(0, b"a", partition=0))
    add(lanes, message(0, b"a", partition=1))
    assert len(lanes.take(1)) == 1
    assert len(lanes.take(1)) == 1


def test_counts_what_waits() -> None:
    """Records and bytes go up with `add` and down with `take` and `drop`."""
    lanes = Lanes()
    for offset in range(4):
        add(lanes, message(offset, b"a", partition=offset % 2))
    size = lanes.bytes
    assert lanes.records == 4
    assert size > 0
    lanes.drop(frozenset({Partition("t", 1)}))
    assert lanes.records == 2
    assert lanes.bytes == size / 2
    lanes.take(9)
    assert (lanes.records, lanes.bytes) == (0, 0)


def test_a_batch_released_after_its_partition_left_leaves_nothing_behind() -> None:
    """A lane that was dropped while shut starts afresh when its partition comes back."""
    lanes = Lanes()
    add(lanes, message(0, b"a"))
    add(lanes, message(1, b"a"))
    taken = lanes.take(1)
    lanes.drop(frozenset({Partition("t", 0)}))
    lanes.release(taken)
    assert lanes.take(9) == []
    add(lanes, message(0, b"a"))
    assert offsets(lanes.take(9)) == [0]


@pytest.mark.parametrize("seed", range(20))
def test_every_key_is_in_order_however_batches_come_and_go(seed: int) -> None:
    """Whatever is added, taken and released in whatever order: no two batches hold a key, none of its records is passed
    by a later one, each is taken once, and the counts are right."""
    chance = random.Random(seed)
    lanes, under_way, added = Lanes(), list[list[Message[Event]]](), 0
    taken: defaultdict[tuple[Partition, bytes | None], list[int]] = defaultdict(list)
    while added < 400 or lanes.records or under_way:
        step = chance.choice(["add", "take", "take", "release"])
        if step == "add" and added < 400:
            count, partition = chance.randint(1, 30), chance.randrange(3)
            keys = [chance.choice([b"a", b"b", b"c", b"d", None]) for _ in range(count)]
            some = [message(added + number, key, partition) for number, key in enumerate(keys)]
            lanes.add(some[0].record.partition, some)
            added += count
        elif step == "take" and (batch := lanes.take(chance.randint(1, 20))):
            under_way.append(batch)
            for each in batch:
                taken[each.record.partition, each.record.key].append(each.record.offset)
        elif step == "release" and under_way:
            lanes.release(under_way.pop(chance.randrange(len(under_way))))
        held = [{(each.record.partition, each.record.key) for each in batch if each.record.key} for batch in under_way]
        assert len(set().union(*held)) == sum(map(len, held))
        assert lanes.records == sum(lanes.by_topic().values())
    assert sum(map(len, taken.values())) == added
    assert lanes.bytes == 0
    assert all(numbers == sorted(numbers) for (_, key), numbers in taken.items() if key)


def test_another_topic_has_its_turn_while_all_keys_of_one_are_shut() -> None:
    """A batch is of one topic, and a topic whose records must wait doesn't keep the others waiting."""
    lanes = Lanes()
    add(lanes, message(0, b"a"), message(1, b"a"))
    lanes.take(1)
    other = Message(Record(Partition("u", 0), 0, 0, b"a", b"value"), Event())
    add(lanes, other)
    assert lanes.take(9) == [other]
