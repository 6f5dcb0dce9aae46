"""Whatever lies in a topic: an event of its contract, or a record that is told apart, never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kafka.decoding import Undecodable, decode
from shared.kafka.records import Partition, Record
from shared.topics import PIPELINE, Topic

GOLDEN = Path(__file__).parents[1] / "contracts" / "golden"
TOPICS = {topic.name: topic for topic in PIPELINE}
SAMPLES = {path.stem: json.loads(path.read_bytes()) for path in sorted(GOLDEN.glob("*.json"))}
LONGEST_REASON = 4_000

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from([2**63, -(2**63) - 1, 1e308, "", "\0", "../x", "9" * 5_000, "0001-01-01T00:00:00+14:00", "NaN"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
steadily = settings(deadline=None, database=None, derandomize=True)
"""The same examples on every machine and in every run."""
topics = pytest.mark.parametrize("topic", PIPELINE, ids=lambda topic: topic.name)


def judge(value: bytes | None, topic: Topic) -> None:
    """The event is of the contract, survives being written again, and what is told of any other is short."""
    record = Record(Partition(topic.name, 0), 7, 0, b"k", value)
    event = decode(record, topic)
    if isinstance(event, Undecodable):
        assert len(event.reason) < LONGEST_REASON
        return
    assert topic.contract is None or type(event) is topic.contract
    again = decode(record._replace(value=event.to_json()), topic)
    assert again == event


@topics
@steadily
@given(value=st.binary(max_size=400) | st.none())
def test_any_bytes(topic: Topic, value: bytes | None) -> None:
    """Nobody's bytes stop the loop."""
    judge(value, topic)


@topics
@steadily
@given(value=values)
def test_any_json(topic: Topic, value: Any) -> None:
    """Nor does JSON of any shape, with numbers and texts that JSON itself forbids."""
    judge(json.dumps(value).encode(), topic)


@pytest.mark.parametrize("name", SAMPLES)
@steadily
@given(data=st.data())
def test_samples_with_other_values(name: str, data: st.DataObject) -> None:
    """A sound message in which some fields say something else, are missing, or are lists of themselves."""
    sample = dict(SAMPLES[name])
    for field in data.draw(st.lists(st.sampled_from(sorted(sample)), min_size=1, max_size=3, unique=True)):
        change = data.draw(st.sampled_from(["replace", "remove", "nest"]))
        if change == "replace":
            sample[field] = data.draw(values)
        elif change == "remove":
            del sample[field]
        else:
            sample[field] = [sample[field]]
    judge(json.dumps(sample).encode(), TOPICS[name.rpartition(".")[0]])


@pytest.mark.parametrize("name", SAMPLES)
@steadily
@given(data=st.data())
def test_samples_with_other_bytes(name: str, data: st.DataObject) -> None:
    """A sound message that is cut, or of which some bytes are others."""
    value = bytearray(json.dumps(SAMPLES[name]).encode())
    for _ in range(data.draw(st.integers(0, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    judge(bytes(value[: data.draw(st.integers(0, len(value)))]), TOPICS[name.rpartition(".")[0]])


@topics
@pytest.mark.parametrize(
    "value",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"' + b"x" * 1_000_000,
        b'{"document_id":' + b"9" * 100_000 + b"}",
        b'{"' + b"k" * 1_000_000 + b'":1}',
        b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}",
        b'{"document_id":"\\ud800"}',
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b"NaN",
    ],
    ids=lambda value: value[:16].decode(errors="replace"),
)
def test_bombs(topic: Topic, value: bytes) -> None:
    """Neither depth nor length stops it, and what is told of it doesn't repeat it."""
    judge(value, topic)
