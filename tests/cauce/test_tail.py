from __future__ import annotations

import json

import pytest

from cauce.tail import Seen, Wanted, judge_for, starts, told
from shared.kafka.records import Partition, Record
from shared.streams.loading import load_streams
from tests.shared.streams.samples import NOW, orders, record

HELD = {Partition("t", 0): range(5, 20), Partition("t", 1): range(0)}
STREAMS = [*load_streams(), orders()]


def test_where_it_begins() -> None:
    """At the end, at the first that is kept, or some before the end."""
    assert list(starts(HELD, Wanted()).values()) == [20, 0]
    assert list(starts(HELD, Wanted(from_start=True)).values()) == [5, 0]
    assert list(starts(HELD, Wanted(last=3)).values()) == [17, 0]
    assert list(starts(HELD, Wanted(last=100)).values()) == [5, 0]


def test_a_record_as_lines() -> None:
    """Position, time, key, headers, then the value as one can read it."""
    one = Record(Partition("orders", 1), 7, NOW, b"a", b'{"a":{"b":[1]}}', (("trace", b"x\xff"),))
    assert told(one, None)[:3] == ["orders-1-7  2023-11-14T22:13:20.000Z  key a", "  trace: x\ufffd", "  {"]
    assert told(record(b"\xff{"), "invalid_json") == [
        "orders-0-0  2023-11-14T22:13:20.000Z  key none  INVALID: invalid_json",
        "  \ufffd{",
    ]
    assert told(Record(Partition("orders", 0), 1, NOW, b"a", None), None)[-1] == "  no value"


def test_records_of_a_stream_are_judged_by_its_declaration(capsys: pytest.CaptureFixture[str]) -> None:
    """And the distribution is that of the valid ones."""
    seen = Seen(judge_for("orders", STREAMS), "items", quiet=True)
    for items in (1, 1, 2, 0, "x"):
        seen.add(record(json.dumps({"customer": "a", "items": items, "at": NOW}).encode()))
    lines = seen.summary()
    assert lines[0] == "5 records: 3 valid, 2 invalid"
    assert set(lines[1:3]) == {"  1 out_of_range", "  1 wrong_type"}
    assert lines[3] == "items: 3 values"
    assert [line.split()[:2] for line in lines[4:]] == [["1", "2"], ["2", "1"]]
    assert capsys.readouterr().out == ""


def test_records_of_the_pipeline_are_judged_by_their_contract(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where a stream reads the topic too."""
    judge = judge_for("embeddings.ready", STREAMS)
    assert judge is not None
    assert "not a valid `embeddings.ready` message" in str(judge(record(b"{}", topic="embeddings.ready")))
    seen = Seen(judge, None)
    seen.add(record(b"{}", topic="embeddings.ready"))
    assert seen.summary()[0] == "1 records: 0 valid, 1 invalid"
    assert "INVALID" in capsys.readouterr().out


def test_other_topics_have_no_rules() -> None:
    """Their records are only counted."""
    seen = Seen(judge_for("metrics", STREAMS), None, quiet=True)
    seen.add(record(b"{", topic="metrics"))
    assert seen.summary() == ["1 records"]
