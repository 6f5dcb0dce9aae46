"""Which records may be worked on at once."""

from __future__ import annotations

from shared.contracts.base import Event
from shared.kafka.lanes import Lanes
from shared.kafka.records import Message, Partition, Record


def message(offset: int, key: bytes | None, partition: int = 0) -> Message[Event]:
    return Message(Record(Partition("t", partition), offset, 0, key, b"value"), Event())


def offsets(batch: list[Message[Event]]) -> list[int]:
    return [item.record.offset for item in batch]


def test_one_key_is_taken_in_order_and_only_by_one_batch() -> None:
    """While a batch holds a key, later records of that key wait for it."""
    lanes = Lanes()
    for offset in range(3):
        lanes.add(message(offset, b"a"))
    first = lanes.take(2)
    assert offsets(first) == [0, 1]
    assert lanes.take(2) == []
    lanes.add(message(3, b"a"))
    lanes.release(first)
    rest = lanes.take(9)
    assert offsets(rest) == [2, 3]
    lanes.add(message(4, b"a"))
    assert lanes.take(9) == []
    lanes.release(rest)
    assert offsets(lanes.take(9)) == [4]


def test_other_keys_fill_the_batch() -> None:
    """A batch is filled over keys, the longest-waiting first."""
    lanes = Lanes()
    for offset, key in enumerate([b"a", b"b", b"a", b"c"]):
        lanes.add(message(offset, key))
    assert offsets(lanes.take(3)) == [0, 2, 1]
    assert offsets(lanes.take(3)) == [3]


def test_records_without_a_key_have_no_order() -> None:
    """Each keyless record may be worked on beside the others."""
    lanes = Lanes()
    lanes.add(message(0, None))
    lanes.add(message(1, None))
    assert offsets(lanes.take(1)) == [0]
    assert offsets(lanes.take(1)) == [1]


def test_same_key_in_two_partitions_is_two_lanes() -> None:
    """Order is promised per partition and key, so two partitions never wait for each other."""
    lanes = Lanes()
    lanes.add(message(0, b"a", partition=0))
    lanes.add(message(0, b"a", partition=1))
    assert len(lanes.take(1)) == 1
    assert len(lanes.take(1)) == 1


def test_counts_what_waits() -> None:
    """Records and bytes go up with `add` and down with `take` and `drop`."""
    lanes = Lanes()
    for offset in range(4):
        lanes.add(message(offset, b"a", partition=offset % 2))
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
    lanes.add(message(0, b"a"))
    lanes.add(message(1, b"a"))
    taken = lanes.take(1)
    lanes.drop(frozenset({Partition("t", 0)}))
    lanes.release(taken)
    assert lanes.take(9) == []
    lanes.add(message(0, b"a"))
    assert offsets(lanes.take(9)) == [0]
