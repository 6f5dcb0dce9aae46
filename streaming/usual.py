"""The short way for usual events: one flat JSON object with all that is declared and nothing else.

Such an event is read by `from_json`, which costs a third of what a VARIANT does. It is laxer than the rules, so that an
event is only taken for usual where what it would let pass can't be there: no nesting and no escapes, and as many
quotation marks as the names and texts of the fields that were found have. All others go the long way.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import add, and_

from pyspark.sql import Column
from pyspark.sql import functions as fn

from shared.streams.declaration import FieldDeclaration, Stream, Type
from shared.streams.verdict import MOST_DIGITS
from streaming.rules import as_instant

_READ_AS = {Type.INT: "bigint", Type.LONG: "bigint", Type.DOUBLE: "double", Type.BOOLEAN: "boolean"}
_STRICT = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
_BLANK = r"[ \t\r\n]*"
_FLAT = rf"\A{_BLANK}\{{[^{{}}\[\]\\]*\}}{_BLANK}\z"


def exists(stream: Stream) -> bool:
    """Where undeclared fields are ignored, nearly every event has some."""
    return stream.extra == "forbid"


def read(text: Column, stream: Stream) -> Column:
    """A struct of the declared fields, null where `from_json` finds no value of the type."""
    fields = ", ".join(f"`{name}` {_READ_AS.get(field.type, 'string')}" for name, field in stream.fields.items())
    return fn.from_json(text, fields, _STRICT)


def is_usual(text: Column, found: str, stream: Stream) -> Column:
    """`found` is the column that `read` gave. Never null."""
    short = fn.octet_length(text) <= MOST_DIGITS
    marks = fn.octet_length(text) - fn.octet_length(fn.replace(text, fn.lit('"')))
    fields = stream.fields.items()
    whole = [_fits(fn.col(f"{found}.{name}"), name, field, text) for name, field in fields]
    expected = reduce(add, (_marks(fn.col(f"{found}.{name}"), field) for name, field in fields))
    return fn.coalesce(short & text.rlike(_FLAT) & reduce(and_, whole) & (marks == expected), fn.lit(False))


def _is_text(field: FieldDeclaration) -> bool:
    return field.type in (Type.STRING, Type.TIMESTAMP)


def _marks(value: Column, field: FieldDeclaration) -> Column:
    """Two for the name, two for a text."""
    return fn.when(value.isNull(), 0).otherwise(4 if _is_text(field) else 2)


def _fits(value: Column, name: str, field: FieldDeclaration, text: Column) -> Column:
    """A number would be read as a text too, so a text is looked at; infinity is no number."""
    fits = value.isNotNull()
    if _is_text(field):
        fits &= text.rlike(f'"{name}"{_BLANK}:{_BLANK}"')
    if field.type is Type.DOUBLE:
        fits &= fn.abs(value) < math.inf
    if field.type is Type.TIMESTAMP:
        fits &= as_instant(value).isNotNull()
    return value.isNull() | fits if field.optional else fits


def value(found: Column, field: FieldDeclaration) -> Column:
    """As the long way gives it; adding 0 takes the minus from a zero."""
    match field.type:
        case Type.DOUBLE:
            return found + fn.lit(0.0)
        case Type.TIMESTAMP:
            return as_instant(found)
        case _:
            return found
