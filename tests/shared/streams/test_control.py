from __future__ import annotations

import json

import pytest

from shared.contracts.streams import StreamApplied
from shared.errors import Fatal
from shared.kafka.records import Partition, Record
from shared.streams.control import fold, to_apply, to_reset
from shared.streams.declaration import Stream
from tests.shared.streams.test_changes import BEFORE

ORDERS = Stream.model_validate(BEFORE)
STRICTER = Stream.model_validate({**BEFORE, "event_time": {"field": "at", "lateness": "1s"}})
OTHER_KEY = Stream.model_validate({**BEFORE, "topic": {"partitions": 3}})


def record(offset: int, event: StreamApplied | bytes) -> Record:
    value = event if isinstance(event, bytes) else event.model_dump_json(by_alias=True).encode()
    return Record(Partition("streams.control", 0), offset, 0, b"orders", value)


def test_first_declaration_begins_the_first_epoch() -> None:
    """A stream that nobody applied yet is recorded as it is."""
    [applied] = to_apply([ORDERS], {})
    assert (applied.stream, applied.epoch, applied.declaration) == ("orders", 1, ORDERS.canonical())


def test_same_declaration_needs_no_record() -> None:
    """Applying twice does nothing, also after a way through the topic."""
    applied = fold(record(0, event) for event in to_apply([ORDERS], {}))
    assert json.loads(json.dumps(applied["orders"].declaration)) == ORDERS.canonical()
    assert to_apply([ORDERS], applied) == []


def test_compatible_change_keeps_the_epoch() -> None:
    """A new description is recorded under the epoch that is in force."""
    applied = {"orders": to_apply([ORDERS], {})[0].model_copy(update={"epoch": 4})}
    [again] = to_apply([ORDERS.model_copy(update={"description": "all"})], applied)
    assert (again.epoch, again.declaration["description"]) == (4, "all")


def test_unsafe_change_is_refused_with_the_way_out() -> None:
    """A change of the lateness is not applied; the message names it and the command that computes the rows anew."""
    applied = {"orders": to_apply([ORDERS], {})[0]}
    with pytest.raises(Fatal, match=r"event_time.lateness.*\n.*cauce streams reset orders"):
        to_apply([STRICTER], applied)


def test_reset_raises_the_epoch_and_takes_the_new_declaration() -> None:
    """A reset is the way out of a change that judges events differently."""
    applied = {"orders": to_apply([ORDERS], {})[0]}
    event = to_reset(STRICTER, applied, "late sensors")
    assert (event.epoch, event.declaration, event.reason) == (2, STRICTER.canonical(), "late sensors")


def test_reset_cannot_change_the_key() -> None:
    """What needs another name is refused by a reset too."""
    with pytest.raises(Fatal, match=r"topic.key"):
        to_reset(OTHER_KEY, {"orders": to_apply([ORDERS], {})[0]}, None)


def test_reset_of_an_unknown_stream() -> None:
    """What was never applied can't be reset, and the message says what to do."""
    with pytest.raises(Fatal, match="cauce topics apply"):
        to_reset(ORDERS, {}, None)


def test_unreadable_control_records_are_passed_over() -> None:
    """Something else in the topic doesn't hide what is in force."""
    event = to_apply([ORDERS], {})[0]
    assert fold([record(0, event), record(1, b"nope")]) == {"orders": event}
