"""What one field must be, its type and its range, as SQL functions: the twin of those in shared/streams/verdict.py."""

from __future__ import annotations

import math

from pyspark.sql import Column
from pyspark.sql import functions as fn

from shared.streams.declaration import FieldDeclaration, Stream, Type
from shared.streams.verdict import BEYOND, CLOSE, INSTANT, INT, LONG

_YEARS_1_TO_9999 = (-62_135_596_800_000, 253_402_300_799_999)
"""In milliseconds since 1970."""


def typed(kind: Type, value: Column, json_type: Column) -> Column:
    """A variant as its declared type has it; null where it is of another type. `json_type` is `schema_of_variant`'s.

    A number too great for a double is infinite here: see `unfit`."""
    match kind:
        case Type.INT | Type.LONG:
            return fn.when(json_type == "BIGINT", fn.try_variant_get(value, "$", "bigint"))
        case Type.DOUBLE:
            return _double(value, json_type)
        case Type.STRING:
            return fn.when(json_type == "STRING", fn.try_variant_get(value, "$", "string"))
        case Type.BOOLEAN:
            return fn.when(json_type == "BOOLEAN", fn.try_variant_get(value, "$", "boolean"))
        case Type.TIMESTAMP:
            return as_instant(fn.when(json_type == "STRING", fn.try_variant_get(value, "$", "string")))


def _double(value: Column, json_type: Column) -> Column:
    """Of a number in any form; adding 0 takes the minus from its zero."""
    number = json_type.isin("BIGINT", "DOUBLE") | json_type.startswith("DECIMAL")
    return fn.when(number, fn.try_variant_get(value, "$", "double")) + fn.lit(0.0)


def unfit(kind: Type, value: Column) -> Column:
    """Whether what `typed` gave is no value of its type."""
    return value.isNull() | (fn.abs(value) == math.inf) if kind is Type.DOUBLE else value.isNull()


def as_instant(text: Column) -> Column:
    """A timestamp to the millisecond; null where the text is none."""
    moment = fn.unix_millis(fn.when(text.rlike(rf"\A{INSTANT}\z"), text.try_cast("timestamp")))
    return fn.timestamp_millis(fn.when(moment.between(*_YEARS_1_TO_9999), moment))


def event_milliseconds(stream: Stream) -> Column:
    """Of the column `_value_<field>`: at most `BEYOND`; null where it is so far back that 64 bits can't hold it."""
    field = stream.event_time.field
    value = fn.col(f"_value_{field}")
    found = fn.unix_millis(value) if stream.fields[field].type is Type.TIMESTAMP else _milliseconds(stream, value)
    return fn.when(found <= BEYOND, found).when(found > BEYOND, BEYOND)


def _milliseconds(stream: Stream, value: Column) -> Column:
    match stream.event_time.unit:
        case "s":
            return fn.when(value > BEYOND, BEYOND).otherwise(fn.try_multiply(value, fn.lit(1000)))
        case "ms":
            return value
        case "us":
            return fn.call_function("div", fn.try_subtract(value, fn.pmod(value, fn.lit(1000))), fn.lit(1000))


def outside(field: FieldDeclaration, value: Column) -> Column:
    """Whether a value of the right type breaks the field's range; null or false for none."""
    match field.type:
        case Type.INT | Type.LONG:
            return _outside_whole(field, value) | _outside_multiple(field, value)
        case Type.DOUBLE:
            return _outside_double(field, value) | _outside_multiple(field, value)
        case Type.STRING:
            return _outside_text(field, value)
        case Type.BOOLEAN | Type.TIMESTAMP:
            return fn.lit(False)


def _outside_whole(field: FieldDeclaration, value: Column) -> Column:
    """Compared as whole numbers: a double can't tell great ones apart."""
    widest = INT if field.type is Type.INT else LONG
    least = widest.start if field.minimum is None else max(widest.start, math.ceil(field.minimum))
    most = widest.stop - 1 if field.maximum is None else min(widest.stop - 1, math.floor(field.maximum))
    if least not in LONG or most not in LONG:
        return fn.lit(True)
    return ~value.between(least, most)


def _outside_double(field: FieldDeclaration, value: Column) -> Column:
    below = fn.lit(False) if field.minimum is None else value < field.minimum
    return below if field.maximum is None else below | (value > field.maximum)


def _outside_multiple(field: FieldDeclaration, value: Column) -> Column:
    if field.multiple_of is None:
        return fn.lit(False)
    quotient = value.cast("double") / field.multiple_of
    # Of an infinite quotient the difference is NaN, which Spark takes to be greater than any number.
    return fn.abs(quotient - fn.rint(quotient)) > CLOSE


def _outside_text(field: FieldDeclaration, value: Column) -> Column:
    """The cheap rules first: a pattern is only tried on what is short enough."""
    rule = fn.char_length(value) > field.max_length
    if field.enum is not None:
        rule |= ~value.isin(*field.enum)
    if field.pattern is not None:
        rule |= ~value.rlike(rf"(?d)\A(?:{field.pattern})\z")
    return rule
