"""The verdict on every event of a stream, as SQL functions: the twin of shared/streams/verdict.py, whose docstring has
the rules; tests/suites/verdicts.py holds both to one table. Whatever the bytes are, nothing here raises: only functions
that give null where others fail are used on them.

An event is parsed once, into a VARIANT. Spark's JSON parser ignores what follows the first value, so that a text is
parsed as `[text,hash of the text]`: the hash comes out again only where the text is one whole value.

Each step is a `select` of its own, so that Spark computes what several rules need once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as fn

from shared.errors import Code
from shared.streams.declaration import Stream
from shared.streams.units import milliseconds
from shared.streams.verdict import DEEPEST, EARLIEST, LONGEST_NAMES, MOST_NAMED
from streaming import usual
from streaming.redriven import first_time
from streaming.rules import event_milliseconds, outside, typed, unfit

VERDICTS = "verdicts"
CODES = (
    Code.TOO_LARGE,
    Code.INVALID_JSON,
    Code.UNKNOWN_FIELD,
    Code.MISSING_FIELD,
    Code.WRONG_TYPE,
    Code.OUT_OF_RANGE,
    Code.FUTURE,
    Code.LATE,
)
PARSERS_DEEPEST = 1000
"""Levels that Spark's JSON parser takes."""
_SHORTEST_DEEP = 2 * DEEPEST
"""Bytes; a text that isn't longer can't be too deep."""


def validated(records: DataFrame, stream: Stream) -> DataFrame:
    """Kafka records (value, timestamp, topic, headers, and whatever else) with five columns more.

    `event` is a struct of the declared fields: an optional one that isn't there is null, instants are timestamps to the
    millisecond. `event_time` is a timestamp, `event_ms` the same in milliseconds since 1970. `code` and `message` are
    null where the event is accepted; where they aren't, nothing is promised of the other three.
    """
    rows = _with_kinds(_with_root(_with_usual(_with_text(_with_time(records), stream), stream)), stream)
    rows = rows.withColumns(_values(stream)).withColumn("_ms", event_milliseconds(stream))
    rows = rows.withColumn("event_ms", fn.when(fn.col("_ms") >= EARLIEST, fn.col("_ms")))
    return rows.withColumn("code", _code(stream)).select(
        *records.columns,
        fn.struct(*(fn.col(f"_value_{name}").alias(name) for name in stream.fields)).alias("event"),
        "event_ms",
        fn.timestamp_millis("event_ms").alias("event_time"),
        "code",
        _message(stream).alias("message"),
    )


def observed(rows: DataFrame) -> DataFrame:
    """Of `validated` rows: how many there are (`rows`), and how many of each code, goes into the query's progress as
    `VERDICTS`, at the end of each batch."""
    counts = [fn.count_if(fn.col("code") == code).alias(code) for code in CODES]
    return rows.observe(VERDICTS, fn.count(fn.lit(1)).alias("rows"), *counts)


def _with_time(records: DataFrame) -> DataFrame:
    """`_recorded_ms`: what late and future are measured from, in milliseconds since 1970; `_any_age`: nothing is
    late."""
    rows = records.withColumn("_first", first_time())
    return rows.withColumns(
        {
            "_any_age": fn.coalesce("_first.waived", fn.lit(False)),
            "_recorded_ms": fn.when(~fn.col("_first.waived"), fn.col("_first.ms")).otherwise(
                fn.unix_millis("timestamp")
            ),
        }
    )


def _with_text(records: DataFrame, stream: Stream) -> DataFrame:
    text = fn.col("value").cast("string")
    readable = ~_is_too_large(stream) & fn.is_valid_utf8(text)
    return records.withColumn("_text", fn.when(readable, text))


def _with_usual(rows: DataFrame, stream: Stream) -> DataFrame:
    """`_is_usual`: whether `_usual` has all values already, and the event needs not go the long way."""
    if not usual.exists(stream):
        return rows.withColumn("_is_usual", fn.lit(False))
    rows = rows.withColumn("_usual", usual.read(fn.col("_text"), stream))
    return rows.withColumn("_is_usual", usual.is_usual(fn.col("_text"), "_usual", stream))


def _values(stream: Stream) -> dict[str, Column]:
    return {f"_value_{name}": _typed(name, stream) for name in stream.fields}


def _typed(name: str, stream: Stream) -> Column:
    field = stream.fields[name]
    long_way = typed(field.type, _variant(name), _kind(name))
    if not usual.exists(stream):
        return long_way
    return fn.when(fn.col("_is_usual"), usual.value(fn.col(f"_usual.{name}"), field)).otherwise(long_way)


def _with_root(rows: DataFrame) -> DataFrame:
    """`_root`: names and their variants, null where there is no JSON object, and for a usual event."""
    text = fn.when(~fn.col("_is_usual"), fn.col("_text"))
    proof = fn.xxhash64("_text")
    rows = rows.withColumn(
        "_parsed", fn.try_parse_json(fn.concat(fn.lit("["), text, fn.lit(","), proof.cast("string"), fn.lit("]")))
    )
    whole = fn.try_variant_get("_parsed", "$[1]", "bigint") == proof
    root = fn.try_variant_get("_parsed", "$[0]", "map<string, variant>")
    return rows.withColumn("_root", fn.when(whole & _is_shallow(text), root))


def _is_shallow(text: Column) -> Column:
    """Only the few texts with many brackets are parsed again, in as many lists as leave `DEEPEST` to them."""
    opening = fn.octet_length(text) - fn.octet_length(fn.replace(fn.replace(text, fn.lit("[")), fn.lit("{")))
    around = PARSERS_DEEPEST - DEEPEST
    parsed = fn.try_parse_json(fn.concat(fn.repeat(fn.lit("["), around), text, fn.repeat(fn.lit("]"), around)))
    short = fn.octet_length(text) <= _SHORTEST_DEEP
    return fn.when(short, fn.lit(True)).when(opening <= DEEPEST, fn.lit(True)).otherwise(parsed.isNotNull())


def _with_kinds(rows: DataFrame, stream: Stream) -> DataFrame:
    """Of each field the variant and its SQL type, which is null for none, and `VOID` for JSON's null."""
    names = {f"_variant_{name}": fn.try_element_at("_root", fn.lit(name)) for name in stream.fields}
    rows = rows.withColumn("_names", fn.map_keys("_root")).withColumns(names)
    return rows.withColumns({f"_kind_{name}": fn.schema_of_variant(_variant(name)) for name in stream.fields})


def _variant(name: str) -> Column:
    return fn.col(f"_variant_{name}")


def _kind(name: str) -> Column:
    return fn.col(f"_kind_{name}")


def _value(name: str) -> Column:
    return fn.col(f"_value_{name}")


def _is_too_large(stream: Stream) -> Column:
    return fn.octet_length("value") > stream.max_event_bytes


def _is_there(name: str) -> Column:
    return _kind(name).isNotNull() & (_kind(name) != "VOID")


def _unknown(stream: Stream) -> Column:
    return fn.array_except("_names", fn.array(*map(fn.lit, stream.fields)))


def _missing(stream: Stream) -> dict[str, Column]:
    return {f"`{name}`": ~_is_there(name) for name, field in stream.fields.items() if not field.optional}


def _wrong(stream: Stream) -> dict[str, Column]:
    return {
        f"`{name}` (must be `{field.type}`)": _is_there(name) & unfit(field.type, _value(name))
        for name, field in stream.fields.items()
    }


def _outside(stream: Stream) -> dict[str, Column]:
    found = {f"`{name}`": outside(field, _value(name)) for name, field in stream.fields.items()}
    found[f"`{stream.event_time.field}`"] |= fn.col("event_ms").isNull()
    return found


def _ahead() -> Column:
    return fn.col("event_ms") - fn.col("_recorded_ms")


def _tolerances(stream: Stream) -> tuple[int, int | None]:
    time = stream.event_time
    return milliseconds(time.max_ahead), None if time.lateness is None else milliseconds(time.lateness)


def _code(stream: Stream) -> Column:
    """The first rule that is broken."""
    ahead, lateness = _tolerances(stream)
    unusual = ~fn.col("_is_usual")
    code = fn.when(_is_too_large(stream), Code.TOO_LARGE)
    code = code.when(unusual & fn.col("_root").isNull(), Code.INVALID_JSON)
    if stream.extra == "forbid":
        code = code.when(unusual & (fn.size(_unknown(stream)) > 0), Code.UNKNOWN_FIELD)
    code = code.when(unusual & _any(_missing(stream).values()), Code.MISSING_FIELD)
    code = code.when(unusual & _any(_wrong(stream).values()), Code.WRONG_TYPE)
    code = code.when(_any(_outside(stream).values()), Code.OUT_OF_RANGE).when(_ahead() > ahead, Code.FUTURE)
    return code if lateness is None else code.when(~fn.col("_any_age") & (_ahead() < -lateness), Code.LATE)


def _message(stream: Stream) -> Column:
    ahead, lateness = _tolerances(stream)
    size, limit = fn.octet_length("value").cast("string"), stream.max_event_bytes
    names = fn.array_join(fn.slice(fn.sort_array(_unknown(stream)), 1, MOST_NAMED), "`, `")
    texts = {
        Code.TOO_LARGE: fn.concat(size, fn.lit(f" bytes, at most {limit} are accepted")),
        Code.INVALID_JSON: fn.lit("must be one JSON object in UTF-8, without repeated names"),
        Code.UNKNOWN_FIELD: fn.concat(fn.lit("not declared: `"), fn.left(names, fn.lit(LONGEST_NAMES)), fn.lit("`")),
        Code.MISSING_FIELD: fn.concat(fn.lit("missing: "), _first(_missing(stream))),
        Code.WRONG_TYPE: fn.concat(fn.lit("of a wrong type: "), _first(_wrong(stream))),
        Code.OUT_OF_RANGE: fn.concat(fn.lit("out of range: "), _first(_outside(stream))),
        Code.FUTURE: _apart(_ahead(), "ahead of", ahead),
        Code.LATE: _apart(-_ahead(), "behind", lateness or 0),
    }
    return fn.coalesce(*(fn.when(fn.col("code") == code, text) for code, text in texts.items()))


def _apart(distance: Column, where: str, limit: int) -> Column:
    return fn.concat(distance.cast("string"), fn.lit(f" ms {where} its record, at most {limit} are accepted"))


def _any(rules: Iterable[Column]) -> Column:
    return reduce(or_, rules, fn.lit(False))


def _first(rules: dict[str, Column]) -> Column:
    """The texts of those that are broken, at most so many as a message names."""
    found = fn.concat_ws(", ", *(fn.when(broken, text) for text, broken in rules.items()))
    return fn.substring_index(found, ", ", MOST_NAMED)
