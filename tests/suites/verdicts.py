"""One table of events and what is decided about each, for all who decide: the gateway, Spark, `cauce verify`.

A case's record has the timestamp `RECORDED` unless it says another.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shared.errors import Code
from shared.kafka.records import Headers, Partition, Record
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams
from shared.streams.verdict import Value

STREAMS_DIR = Path(__file__).resolve().parents[2] / "streams"
RECORDED = 1_767_323_100_000
"""2026-01-02T03:05:00Z."""

_PLAIN = """
name: plain
topic: {max_message_bytes: 4MiB}
event_time: {field: at, lateness: none, max_ahead: 365000d}
max_event_bytes: 1MiB
fields:
  at: {type: timestamp}
  whole: {type: int, optional: true}
  long: {type: long, optional: true, minimum: -9007199254740993, multiple_of: 3}
  least: {type: long, optional: true, minimum: 9007199254740993}
  number: {type: double, optional: true}
  step: {type: double, optional: true, minimum: -1, maximum: 1.0e+300, multiple_of: 0.1}
  text: {type: string, optional: true, max_length: 5}
  kind: {type: string, optional: true, enum: [red, "green", "grün"]}
  code: {type: string, optional: true, pattern: "[A-Z]\\\\d+.?|x\\\\w*"}
  flag: {type: boolean, optional: true}
  moment: {type: timestamp, optional: true}
"""
_SECONDS = """
name: seconds
event_time: {field: at, unit: s, lateness: none, max_ahead: 365000d}
extra: ignore
fields:
  at: {type: long}
  name: {type: string}
"""
_MICROSECONDS = """
name: microseconds
event_time: {field: at, unit: us, lateness: 1s, max_ahead: 1s}
fields:
  at: {type: long}
"""


@cache
def streams() -> dict[str, Stream]:
    """The shipped ones, and three that are declared here, by name."""
    declared = [Stream.model_validate(yaml.safe_load(text)) for text in (_PLAIN, _SECONDS, _MICROSECONDS)]
    return {stream.name: stream for stream in (*load_streams(STREAMS_DIR), *declared)}


@dataclass(frozen=True)
class Case:
    """`expected` is a code, or the accepted event; `time` is then its event time, in ms since 1970."""

    name: str
    stream: str
    value: bytes | None
    expected: Code | dict[str, Value]
    time: int | None = None
    timestamp: int = RECORDED
    headers: Headers = ()

    @property
    def record(self) -> Record:
        """As it was read from the stream's topic."""
        place = Partition(streams()[self.stream].topic_name, 1)
        return Record(place, 7, self.timestamp, b"k", self.value, self.headers)


RATING: dict[str, Any] = {"userId": 1, "movieId": 2, "rating": 3.5, "timestamp": RECORDED}
CHUNK: dict[str, Any] = {
    "chunk_id": "c1",
    "document_id": "d1",
    "company_id": "acme",
    "received_at": "2026-01-02T03:04:05.678Z",
    "version": 7,
}
AT = "2026-01-02T03:05:00.000Z"
ABSENT = object()


def _bytes(event: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in event.items() if value is not ABSENT}).encode()


def _rating(name: str, expected: Code | None, **changes: Any) -> Case:
    event = RATING | changes
    return Case(f"rating: {name}", "ratings", _bytes(event), expected or event, event["timestamp"])


def _broken(name: str, value: bytes | None, expected: Code = Code.INVALID_JSON) -> Case:
    return Case(f"bytes: {name}", "ratings", value, expected)


def _rewritten(name: str, before: bytes, after: bytes, expected: Code | None = Code.INVALID_JSON) -> Case:
    """A good rating, some of whose bytes are others."""
    value = _bytes(RATING).replace(before, after)
    return Case(f"bytes: {name}", "ratings", value, expected or RATING, None if expected else RECORDED)


def _plain(name: str, field: str, text: str, expected: Code | Value) -> Case:
    """`text` is the field's JSON."""
    value = f'{{"at":"{AT}","{field}":{text}}}'.encode()
    event = expected if isinstance(expected, Code) else {"at": AT, field: expected}
    return Case(f"{field}: {name}", "plain", value, event, RECORDED)


def _moment(text: str, expected: Code | str) -> Case:
    return _plain(text, "moment", json.dumps(text), expected)


def _nested(levels: int, kind: str) -> bytes:
    """An event of `seconds` with an undeclared field; the event itself is one level."""
    opening, closing = ('{"a":', "}") if kind == "objects" else ("[", "]")
    inner = opening * (levels - 1) + "1" + closing * (levels - 1)
    return f'{{"at":5,"name":"[[[{{","more":{inner}}}'.encode()


def _seconds(name: str, value: bytes, expected: Code | dict[str, Value], time: int = 5000) -> Case:
    return Case(f"seconds: {name}", "seconds", value, expected, time)


def _more(text: str) -> bytes:
    return f'{{"at":5,"name":"n","more":{text}}}'.encode()


def _microseconds(name: str, at: int, expected: Code | None, time: int = 0, timestamp: int = RECORDED) -> Case:
    return Case(f"microseconds: {name}", "microseconds", _bytes({"at": at}), expected or {"at": at}, time, timestamp)


def _redriven(
    name: str,
    expected: Code | None,
    at: int,
    *,
    now: int = 7_200_000,
    accept: bytes | None = None,
    **facts: bytes | None,
) -> Case:
    """A rating of the time `at` that first came in at `RECORDED` and was put back `now` ms later; `facts` are headers
    that are others than a redrive writes."""
    usual: dict[str, bytes | None] = {
        "source_topic": b"ratings",
        "source_partition": b"0",
        "source_offset": b"3",
        "source_timestamp": str(RECORDED).encode(),
        "target_group": b"streaming.ratings",
        "redrive_count": b"1",
        "accept_time": accept,
    }
    headers = tuple((f"dlq_{fact}", value) for fact, value in (usual | facts).items() if value is not None)
    event = RATING | {"timestamp": at}
    return Case(f"redriven: {name}", "ratings", _bytes(event), expected or event, at, RECORDED + now, headers)


def _chunk(name: str, expected: Code | None, **changes: Any) -> Case:
    good = {key: value for key, value in (CHUNK | changes).items() if key in CHUNK}
    return Case(f"chunk: {name}", "chunks", _bytes(CHUNK | changes), expected or good, 1_767_323_045_678)


_BIG = 1024 * 1024
_SENSOR: dict[str, Value] = {"sensor_id": "s-1", "timestamp": RECORDED, "value": 3.25}
_GOOD_SECONDS: dict[str, Value] = {"at": 5, "name": "n"}
_GOOD_NESTED: dict[str, Value] = {"at": 5, "name": "[[[{"}

BYTES = (
    _broken("no value", None),
    _broken("empty", b""),
    _broken("blank", b" \n"),
    _broken("a word", b"nope"),
    _broken("null", b"null"),
    _broken("true", b"true"),
    _broken("a number", b"3"),
    _broken("a text", b'"x"'),
    _broken("a list", b"[1, 2]"),
    _broken("a list of the event", b"[" + _bytes(RATING) + b"]"),
    _broken("cut off", _bytes(RATING)[:-5]),
    _broken("cut off before the end", _bytes(RATING)[:-1]),
    _broken("a word behind", _bytes(RATING) + b" x"),
    _broken("an object behind", _bytes(RATING) + b"{}"),
    _broken("a comma behind", _bytes(RATING) + b","),
    _broken("a brace behind", _bytes(RATING) + b"}"),
    _broken("a bracket behind", _bytes(RATING) + b"]"),
    _broken("a second value behind", _bytes(RATING) + b",5"),
    _broken("a forged end behind", _bytes(RATING) + b",5] ["),
    _broken("a NUL behind", _bytes(RATING) + b"\0"),
    _broken("only a NUL", b"\0"),
    _broken("a byte order mark", b"\xef\xbb\xbf" + _bytes(RATING)),
    _broken("UTF-16", _bytes(RATING).decode().encode("utf-16")),
    _broken("not UTF-8", b"\xff\xfe{"),
    _broken("a random blob", bytes(range(256))),
    _broken("deep lists", b"[" * 100_000),
    _broken("deep objects", b'{"a":' * 100_000),
    _broken("empty object", b"{}", Code.MISSING_FIELD),
    Case("bytes: blanks around", "ratings", b" \t\r\n" + _bytes(RATING) + b" \n\n", RATING, RECORDED),
    _rewritten("a name twice", b'"userId": 1', b'"userId": 1, "userId": 1'),
    _rewritten("a name twice, once escaped", b'"userId": 1', b'"userId": 1, "\\u0075serId": 1'),
    _rewritten("an escaped name", b'"userId"', b'"\\u0075serId"', None),
    _rewritten("a name twice within", b"3.5", b'{"a": 1, "a": 2}'),
    _rewritten("single quotes", b'"', b"'"),
    _rewritten("a bare name", b'"userId"', b"userId"),
    _rewritten("a comment", b"3.5", b"3.5 /* x */"),
    _rewritten("a comma at the end", b"}", b",}"),
    _rewritten("NaN", b"3.5", b"NaN"),
    _rewritten("Infinity", b"3.5", b"Infinity"),
    _rewritten("minus Infinity", b"3.5", b"-Infinity"),
    _rewritten("a plus", b"3.5", b"+3.5"),
    _rewritten("a leading zero", b"3.5", b"03.5"),
    _rewritten("no digit before the point", b"3.5", b".5"),
    _rewritten("no digit after the point", b"3.5", b"3."),
    _rewritten("an exponent without digits", b"3.5", b"3.5e"),
    _rewritten("hexadecimal", b"3.5", b"0x3"),
    _rewritten("an exponent", b"3.5", b"35E-1", None),
    _rewritten("more zeros", b"3.5", b"3.500000000000000000000000000000000000000000", None),
    Case(
        "bytes: 1 MiB", "plain", f'{{"at":"{AT}","text":"a"}}'.encode().ljust(_BIG), {"at": AT, "text": "a"}, RECORDED
    ),
    Case("bytes: one more", "plain", f'{{"at":"{AT}","text":"a"}}'.encode().ljust(_BIG + 1), Code.TOO_LARGE),
    Case("bytes: 2 MB of rubbish", "plain", b"\xff" * 2_000_000, Code.TOO_LARGE),
    Case("bytes: a text of 1 MB", "plain", _bytes({"at": AT, "text": "x" * 1_000_000}), Code.OUT_OF_RANGE),
)

TEXTS = (
    _plain("a text of five", "text", '"abcde"', "abcde"),
    _plain("a text of six", "text", '"abcdef"', Code.OUT_OF_RANGE),
    _plain(
        "five beyond the first plane", "text", '"\U0001f600\U0001f600\U0001f600\U0001f600\U0001f600"', "\U0001f600" * 5
    ),
    _plain("an escaped pair", "text", '"\\ud83d\\ude00"', "\U0001f600"),
    _plain("a pair the wrong way round", "text", '"\\ude00\\ud83d"', Code.INVALID_JSON),
    _plain("half a pair", "text", '"\\ud83d"', Code.INVALID_JSON),
    _plain("empty", "text", '""', ""),
    _plain("a NUL", "text", '"a\\u0000b"', "a\0b"),
    _plain("a raw line break", "text", '"a\nb"', Code.INVALID_JSON),
    _plain("an unknown escape", "text", '"\\x41"', Code.INVALID_JSON),
    _plain("a backslash", "text", '"\\\\ud8"', "\\ud8"),
    _plain("a number", "text", "5", Code.WRONG_TYPE),
    _plain("a boolean", "text", "true", Code.WRONG_TYPE),
    _plain("an object", "text", '{"a":1}', Code.WRONG_TYPE),
    _plain("a list", "text", '["a"]', Code.WRONG_TYPE),
    Case("text: null is absent", "plain", f'{{"at":"{AT}","text":null}}'.encode(), {"at": AT}, RECORDED),
    Case("text: not UTF-8", "plain", f'{{"at":"{AT}","text":"'.encode() + b'\xff"}', Code.INVALID_JSON),
    Case("text: overlong", "plain", f'{{"at":"{AT}","text":"'.encode() + b'\xc0\xaf"}', Code.INVALID_JSON),
    Case("text: CESU-8", "plain", f'{{"at":"{AT}","text":"'.encode() + b'\xed\xa0\x80"}', Code.INVALID_JSON),
    Case("text: cut UTF-8", "plain", f'{{"at":"{AT}","text":"'.encode() + b'\xe2\x82"}', Code.INVALID_JSON),
    _plain("one of them", "kind", '"green"', "green"),
    _plain("one of them, not ASCII", "kind", '"gr\\u00fcn"', "grün"),
    _plain("none of them", "kind", '"blue"', Code.OUT_OF_RANGE),
    _plain("another case", "kind", '"Red"', Code.OUT_OF_RANGE),
    _plain("the pattern", "code", '"A12"', "A12"),
    _plain("the pattern's other side", "code", '"x_1"', "x_1"),
    _plain("a part only", "code", '"A12--"', Code.OUT_OF_RANGE),
    _plain("a part of the other side", "code", '"bx"', Code.OUT_OF_RANGE),
    _plain("a line break at the end", "code", '"A12\\n"', Code.OUT_OF_RANGE),
    _plain("a carriage return is any character", "code", '"A12\\r"', "A12\r"),
    _plain("a digit that isn't ASCII", "code", '"A\u0663"', Code.OUT_OF_RANGE),
    _plain("a letter that isn't ASCII", "code", '"x\u00e9"', Code.OUT_OF_RANGE),
)

NUMBERS = (
    _plain("greatest", "whole", "2147483647", 2**31 - 1),
    _plain("beyond 32 bits", "whole", "2147483648", Code.OUT_OF_RANGE),
    _plain("least", "whole", "-2147483648", -(2**31)),
    _plain("below 32 bits", "whole", "-2147483649", Code.OUT_OF_RANGE),
    _plain("with a point", "whole", "1.0", Code.WRONG_TYPE),
    _plain("with an exponent", "whole", "1e3", Code.WRONG_TYPE),
    _plain("minus zero", "whole", "-0", 0),
    _plain("a text", "whole", '"5"', Code.WRONG_TYPE),
    _plain("a boolean", "whole", "true", Code.WRONG_TYPE),
    _plain("beyond 64 bits", "whole", "9223372036854775808", Code.WRONG_TYPE),
    _plain("greatest multiple", "long", "9223372036854775806", 2**63 - 2),
    _plain("beyond 64 bits", "long", "9223372036854775808", Code.WRONG_TYPE),
    _plain("below 64 bits", "long", "-9223372036854775809", Code.WRONG_TYPE),
    _plain("least", "long", "-9007199254740990", -9007199254740990),
    _plain("below the least", "long", "-9223372036854775808", Code.OUT_OF_RANGE),
    _plain("no multiple", "long", "4", Code.OUT_OF_RANGE),
    _plain("with a point", "long", "3.0", Code.WRONG_TYPE),
    _plain("what doubles can't tell apart", "least", "9007199254740991", Code.OUT_OF_RANGE),
    _plain("what a double holds", "least", "9007199254740992", 2**53),
    _plain("of 400 digits", "long", "9" * 400, Code.WRONG_TYPE),
    _plain("of 1,000 digits", "long", "9" * 1000, Code.WRONG_TYPE),
    _plain("of 1,001 digits", "long", "9" * 1001, Code.INVALID_JSON),
    _plain("minus, of 1,000 digits", "long", "-" + "9" * 1000, Code.WRONG_TYPE),
    _plain("minus, of 1,001 digits", "long", "-" + "9" * 1001, Code.INVALID_JSON),
    _plain("whole", "number", "5", 5.0),
    _plain("great and whole", "number", "100000000000000000000", 1e20),
    _plain("of 39 digits", "number", "9" * 39, 1e39),
    _plain("minus zero", "number", "-0.0", 0.0),
    _plain("17 digits", "number", "0.12345678901234567", 0.12345678901234567),
    _plain("18 digits", "number", "123456789012345678.5", 123456789012345678.5),
    _plain("tenths", "number", "0.30000000000000004", 0.30000000000000004),
    _plain("half a step up", "number", "9007199254740993.0", 9007199254740993.0),
    _plain("least", "number", "5e-324", 5e-324),
    _plain("too small", "number", "1e-400", 0.0),
    _plain("greatest", "number", "1.7976931348623157e308", 1.7976931348623157e308),
    _plain("too great", "number", "1e999", Code.WRONG_TYPE),
    _plain("too great below zero", "number", "-1e999", Code.WRONG_TYPE),
    _plain("an absurd exponent", "number", "1e99999999999", Code.WRONG_TYPE),
    _plain("whole and too great", "number", "9" * 400, Code.WRONG_TYPE),
    _plain("of 1,000 decimals", "number", "0." + "1" * 1000, 0.1111111111111111),
    _plain("of 1,001 decimals", "number", "0." + "1" * 1001, Code.INVALID_JSON),
    _plain("a text", "number", '"5.0"', Code.WRONG_TYPE),
    _plain("the text NaN", "number", '"NaN"', Code.WRONG_TYPE),
    _plain("a boolean", "number", "false", Code.WRONG_TYPE),
    _plain("a list", "number", "[1]", Code.WRONG_TYPE),
    _plain("a multiple that is none in binary", "step", "0.3", 0.3),
    _plain("a great multiple", "step", "1000000.1", 1000000.1),
    _plain("no multiple", "step", "0.35", Code.OUT_OF_RANGE),
    _plain("a multiple beyond 64 bits", "step", "1e30", 1e30),
    _plain("a negative multiple", "step", "-0.7", -0.7),
    _plain("below the least", "step", "-1.1", Code.OUT_OF_RANGE),
    _plain("above the greatest", "step", "1.1e300", Code.OUT_OF_RANGE),
    _plain("true", "flag", "true", True),
    _plain("false", "flag", "false", False),
    _plain("a number", "flag", "1", Code.WRONG_TYPE),
    _plain("a text", "flag", '"true"', Code.WRONG_TYPE),
)

MOMENTS = (
    _moment("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
    _moment("2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05.600Z"),
    _moment("2026-01-02T03:04:05.678999999Z", "2026-01-02T03:04:05.678Z"),
    _moment("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
    _moment("2026-01-02T04:04:05.678+01:00", "2026-01-02T03:04:05.678Z"),
    _moment("2026-01-02T03:04:05-17:59", "2026-01-02T21:03:05.000Z"),
    _moment("2026-01-02T03:04:05+18:00", Code.WRONG_TYPE),
    _moment("2026-01-02T03:04:05+01:60", Code.WRONG_TYPE),
    _moment("2026-01-02T03:04:05+0100", Code.WRONG_TYPE),
    _moment("2026-01-02T03:04:05.1234567890Z", Code.WRONG_TYPE),
    _moment("2026-01-02T03:04:05.Z", Code.WRONG_TYPE),
    _moment("2026-01-02T03:04:05", Code.WRONG_TYPE),
    _moment("2026-01-02 03:04:05Z", Code.WRONG_TYPE),
    _moment("2026-01-02t03:04:05z", Code.WRONG_TYPE),
    _moment("2026-01-02T03:04Z", Code.WRONG_TYPE),
    _moment("2026-01-02", Code.WRONG_TYPE),
    _moment("2026-1-2T03:04:05Z", Code.WRONG_TYPE),
    _moment(" 2026-01-02T03:04:05Z", Code.WRONG_TYPE),
    _moment("2026-01-02T03:04:05Z\n", Code.WRONG_TYPE),
    _moment("\u0662026-01-02T03:04:05Z", Code.WRONG_TYPE),
    _moment("yesterday", Code.WRONG_TYPE),
    _moment("", Code.WRONG_TYPE),
    _moment("2026-13-02T03:04:05Z", Code.WRONG_TYPE),
    _moment("2026-02-29T03:04:05Z", Code.WRONG_TYPE),
    _moment("2024-02-29T03:04:05Z", "2024-02-29T03:04:05.000Z"),
    _moment("1900-02-29T00:00:00Z", Code.WRONG_TYPE),
    _moment("1582-10-10T00:00:00Z", "1582-10-10T00:00:00.000Z"),
    _moment("2026-01-00T03:04:05Z", Code.WRONG_TYPE),
    _moment("2026-01-02T24:00:00Z", Code.WRONG_TYPE),
    _moment("2026-01-02T23:59:60Z", Code.WRONG_TYPE),
    _moment("0000-01-01T00:00:00Z", Code.WRONG_TYPE),
    _moment("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
    _moment("0001-01-01T00:00:00+01:00", Code.WRONG_TYPE),
    _moment("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    _moment("9999-12-31T23:59:59-01:00", Code.WRONG_TYPE),
    _plain("a number", "moment", "1767323100000", Code.WRONG_TYPE),
    _plain("null", "at2", "null", Code.UNKNOWN_FIELD),
    Case("at: null", "plain", b'{"at":null}', Code.MISSING_FIELD),
    Case(
        "at: year 1001",
        "plain",
        b'{"at":"1001-01-01T00:00:00Z"}',
        {"at": "1001-01-01T00:00:00.000Z"},
        -30_578_688_000_000,
    ),
    Case("at: before the year 1001", "plain", b'{"at":"1000-12-31T23:59:59.999Z"}', Code.OUT_OF_RANGE),
    Case("at: year 9999, far ahead", "plain", b'{"at":"9999-01-01T00:00:00Z"}', Code.FUTURE),
)

FIELDS = (
    _rating("as it should be", None),
    _rating("a whole number for a double", None, rating=4),
    _rating("least", None, userId=1, movieId=1, rating=0.5),
    _rating("greatest", None, userId=138493, movieId=27278, rating=5.0),
    _rating("userId 0", Code.OUT_OF_RANGE, userId=0),
    _rating("userId too great", Code.OUT_OF_RANGE, userId=138494),
    _rating("rating 0", Code.OUT_OF_RANGE, rating=0),
    _rating("rating 5.5", Code.OUT_OF_RANGE, rating=5.5),
    _rating("rating between the steps", Code.OUT_OF_RANGE, rating=3.3),
    _rating("rating barely off a step", Code.OUT_OF_RANGE, rating=3.50000001),
    _rating("userId a fraction", Code.WRONG_TYPE, userId=1.5),
    _rating("userId a text", Code.WRONG_TYPE, userId="1"),
    _rating("userId true", Code.WRONG_TYPE, userId=True),
    _rating("userId null", Code.MISSING_FIELD, userId=None),
    _rating("no rating", Code.MISSING_FIELD, rating=ABSENT),
    _rating("one field more", Code.UNKNOWN_FIELD, extra=1),
    _rating("one field more, null", Code.UNKNOWN_FIELD, extra=None),
    _rating("an empty name", Code.UNKNOWN_FIELD, **{"": 1}),
    _rating("a name in another case", Code.UNKNOWN_FIELD, userid=1),
    _rating("a name in another case instead", Code.UNKNOWN_FIELD, userId=ABSENT, userid=1),
    _rating("names of another kind", Code.UNKNOWN_FIELD, **{"`a`, b: BIGINT": 1, "\U0001f600": 2, "\uffff": 3}),
    _rating("twelve names", Code.UNKNOWN_FIELD, **{f"{'n' * 80}{i:02}": i for i in range(12)}),
    _rating("unknown before missing", Code.UNKNOWN_FIELD, rating=ABSENT, extra=1),
    _rating("missing before a wrong type", Code.MISSING_FIELD, rating=ABSENT, userId="1"),
    _rating("a wrong type before the range", Code.WRONG_TYPE, rating="x", userId=0),
    _rating("the range before the time", Code.OUT_OF_RANGE, userId=0, timestamp=1),
    _rating("timestamp 0", Code.OUT_OF_RANGE, timestamp=0),
    _rating("timestamp negative", Code.OUT_OF_RANGE, timestamp=-1),
    _rating("timestamp as great as can be", Code.FUTURE, timestamp=2**63 - 1),
    _rating("several wrong", Code.WRONG_TYPE, userId="1", movieId=[], rating={}, timestamp=False),
    Case("sensor: no unit", "sensors.air", _bytes(_SENSOR), _SENSOR, RECORDED),
    Case("sensor: a unit", "sensors.air", _bytes(_SENSOR | {"unit": "µg"}), _SENSOR | {"unit": "µg"}, RECORDED),
    Case("sensor: unit null", "sensors.air", _bytes(_SENSOR | {"unit": None}), _SENSOR, RECORDED),
    Case("sensor: unit a number", "sensors.air", _bytes(_SENSOR | {"unit": 1}), Code.WRONG_TYPE),
    Case("sensor: unit too long", "sensors.air", _bytes(_SENSOR | {"unit": "u" * 17}), Code.OUT_OF_RANGE),
    _chunk("with its vector", None, vector="AACAPw==", model="m", dimensions=1),
    _chunk("a vector that is a list", None, vector=[0.5, {"a": [1]}]),
    _chunk("no document_id", Code.MISSING_FIELD, document_id=ABSENT),
    _chunk("version negative", Code.OUT_OF_RANGE, version=-1),
    _chunk("version a fraction", Code.WRONG_TYPE, version=7.5),
    _chunk("company_id an object", Code.WRONG_TYPE, company_id={"a": 1}),
)

TIMES = (
    _rating("as late as may be", None, timestamp=RECORDED - 30_000),
    _rating("too late", Code.LATE, timestamp=RECORDED - 30_001),
    _rating("as far ahead as may be", None, timestamp=RECORDED + 60_000),
    _rating("too far ahead", Code.FUTURE, timestamp=RECORDED + 60_001),
    _rating("in seconds instead of milliseconds", Code.LATE, timestamp=RECORDED // 1000),
    _rating("in microseconds instead of milliseconds", Code.FUTURE, timestamp=RECORDED * 1000),
    _seconds("as it should be", b'{"at":5,"name":"n"}', _GOOD_SECONDS),
    _seconds("no lateness, so any age", b'{"at":-5,"name":"n"}', {"at": -5, "name": "n"}, -5000),
    _seconds("zero", b'{"at":0,"name":"n"}', {"at": 0, "name": "n"}, 0),
    _seconds("first", b'{"at":-30578688000,"name":"n"}', {"at": -30578688000, "name": "n"}, -30_578_688_000_000),
    _seconds("before the first", b'{"at":-30578688001,"name":"n"}', Code.OUT_OF_RANGE),
    _seconds("beyond 64 bits in milliseconds", b'{"at":9223372036854775807,"name":"n"}', Code.FUTURE),
    _seconds("below 64 bits in milliseconds", b'{"at":-9223372036854775808,"name":"n"}', Code.OUT_OF_RANGE),
    _microseconds("as it should be", RECORDED * 1000 + 999, None, RECORDED),
    _microseconds("negative", -1, None, -1, timestamp=0),
    _microseconds("as late as may be", (RECORDED - 1000) * 1000, None, RECORDED - 1000),
    _microseconds("too late", (RECORDED - 1000) * 1000 - 1, Code.LATE),
    _microseconds("ahead by less than a millisecond too much", (RECORDED + 1000) * 1000 + 999, None, RECORDED + 1000),
    _microseconds("too far ahead", (RECORDED + 1001) * 1000, Code.FUTURE),
    _microseconds("greatest", 2**63 - 1, Code.FUTURE),
    _microseconds("least", -(2**63), Code.OUT_OF_RANGE),
)

_HOUR = 3_600_000
REDRIVES = (
    _redriven("in time when it first came in", None, RECORDED - 30_000),
    _redriven("late when it first came in", Code.LATE, RECORDED - 30_001),
    _redriven("as far ahead as it might be when it first came in", None, RECORDED + 60_000),
    _redriven("from the future when it first came in", Code.FUTURE, RECORDED + 60_001),
    _redriven("of the time at which it was put back", Code.FUTURE, RECORDED + 2 * _HOUR),
    _redriven("to another topic: its own time counts", Code.LATE, RECORDED, source_topic=b"ratings.old"),
    _redriven("without a first time: its own counts", Code.LATE, RECORDED, source_timestamp=None),
    _redriven("with a first time that is no number", Code.LATE, RECORDED, source_timestamp=b"-1"),
    _redriven("without a first offset", Code.LATE, RECORDED, source_offset=b""),
    _redriven("for nobody: never put back", Code.LATE, RECORDED, target_group=None),
    _redriven("for nobody, with an empty group", Code.LATE, RECORDED, target_group=b""),
    _redriven("no times: never put back", Code.LATE, RECORDED, redrive_count=b"0"),
    _redriven("late, waived", None, RECORDED - 30_001, accept=b"true"),
    _redriven("late by days, waived", None, RECORDED - 100 * 24 * _HOUR, accept=b"true"),
    _redriven("from the future then, waived", None, RECORDED + _HOUR, accept=b"true"),
    _redriven("as far ahead as may be now, waived", None, RECORDED + 2 * _HOUR + 60_000, accept=b"true"),
    _redriven("from the future now, waived all the same", Code.FUTURE, RECORDED + 2 * _HOUR + 60_001, accept=b"true"),
    _redriven("as great as can be, waived", Code.FUTURE, 2**63 - 1, accept=b"true"),
    _redriven("out of range, waived", Code.OUT_OF_RANGE, 0, accept=b"true"),
    _redriven("waived, by another word", Code.LATE, RECORDED - 30_001, accept=b"yes"),
    _redriven("waived, by an empty word", Code.LATE, RECORDED - 30_001, accept=b""),
    _redriven("waived, to another topic", Code.LATE, RECORDED, accept=b"true", source_topic=b"ratings.old"),
    _redriven("waived, without a first time", Code.LATE, RECORDED, accept=b"true", source_timestamp=None),
    _redriven("waived, and never put back", Code.LATE, RECORDED, accept=b"true", target_group=None),
)

EXTRA = (
    _seconds("more fields are ignored", _more('{"a":[1,2.5,null,true,"x"]}'), _GOOD_SECONDS),
    _seconds("64 objects deep", _nested(64, "objects"), _GOOD_NESTED),
    _seconds("65 objects deep", _nested(65, "objects"), Code.INVALID_JSON),
    _seconds("64 lists deep", _nested(64, "lists"), _GOOD_NESTED),
    _seconds("65 lists deep", _nested(65, "lists"), Code.INVALID_JSON),
    _seconds("300 lists deep", _nested(300, "lists"), Code.INVALID_JSON),
    _seconds("many brackets, none deep", _more("[" + "[],{}," * 500 + "[]]"), _GOOD_SECONDS),
    _seconds("many brackets in a text", _more(json.dumps("[{" * 500)), _GOOD_SECONDS),
    _seconds("a name twice below", _more('[{"a":{"b":1,"b":2}}]'), Code.INVALID_JSON),
    _seconds("one name on two levels", _more('{"at":{"at":1}}'), _GOOD_SECONDS),
    _seconds("half a pair below", _more('["\\ud800"]'), Code.INVALID_JSON),
    _seconds("half a pair in a name", b'{"at":5,"name":"n","\\udc00":1}', Code.INVALID_JSON),
    _seconds("NaN below", _more("[NaN]"), Code.INVALID_JSON),
    _seconds("a number of 1,001 digits below", _more("9" * 1001), Code.INVALID_JSON),
    _seconds("a number too great below", _more("1e999"), _GOOD_SECONDS),
    _seconds("a name of 50,000", _more(json.dumps({"k" * 50_000: 1})), _GOOD_SECONDS),
    _seconds("a name of 50,001", _more(json.dumps({"k" * 50_001: 1})), Code.INVALID_JSON),
    _seconds("a name of 25,000 pairs", _more(json.dumps({"\U0001f600" * 25_000: 1})), _GOOD_SECONDS),
    _seconds("a name of 25,001 pairs", _more(json.dumps({"\U0001f600" * 25_001: 1})), Code.INVALID_JSON),
    _seconds("many names", json.dumps({f"f{i}": i for i in range(5000)} | _GOOD_SECONDS).encode(), _GOOD_SECONDS),
)

CASES = (*BYTES, *TEXTS, *NUMBERS, *MOMENTS, *FIELDS, *TIMES, *REDRIVES, *EXTRA)
