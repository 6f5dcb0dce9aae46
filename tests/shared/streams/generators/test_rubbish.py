from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest

from shared.errors import Code
from shared.streams.declaration import Stream
from shared.streams.generators.generic import example
from shared.streams.generators.rubbish import RARE, Rubbish
from shared.streams.loading import load_streams
from shared.streams.verdict import Refused, judge
from tests.shared.streams.samples import NOW, orders

STREAMS = load_streams()


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_every_kind_is_refused_with_its_code(stream: Stream) -> None:
    """Whatever is sent as rubbish is rubbish, and is told apart rightly."""
    for seed in range(20):
        for bad in Rubbish(stream, Random(seed)).every_kind(example(stream, NOW), NOW):
            verdict = judge(stream, bad.value, NOW)
            assert isinstance(verdict, Refused), bad.kind
            assert verdict.code is bad.code, (bad.kind, verdict)


def test_every_code_comes() -> None:
    """In their turns; the huge ones are rare."""
    rubbish = Rubbish(orders(), Random(1))
    codes = Counter(rubbish.spoil(example(orders(), NOW), NOW).code for _ in range(10 * RARE))
    assert set(codes) == {
        Code.TOO_LARGE,
        Code.INVALID_JSON,
        Code.UNKNOWN_FIELD,
        Code.MISSING_FIELD,
        Code.WRONG_TYPE,
        Code.OUT_OF_RANGE,
        Code.FUTURE,
        Code.LATE,
    }
    assert codes[Code.TOO_LARGE] == 10


def test_what_a_stream_accepts_is_not_sent_as_rubbish() -> None:
    """Unknown fields and old events, where the declaration takes them."""
    stream = orders(**{"extra": "ignore", "event_time.lateness": "none"})
    kinds = {bad.code for bad in Rubbish(stream, Random(1)).every_kind(example(stream, NOW), NOW)}
    assert kinds & {Code.UNKNOWN_FIELD, Code.LATE} == set()


def test_not_a_number_is_among_them() -> None:
    """NaN, which Python's own JSON writes without a word."""
    kinds = {bad.kind: bad.value for bad in Rubbish(orders(), Random(1)).every_kind(example(orders(), NOW), NOW)}
    assert b"NaN" in kinds["NaN"]
    assert "NaN" not in json.dumps(example(orders(), NOW))
