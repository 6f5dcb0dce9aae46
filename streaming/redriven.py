"""Records that have come back from the dead letters, as `shared.kafka.records.Record` reads their headers.

Without functions of elements such as `filter`: an operator that has one is not compiled.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as fn

from shared.kafka.records import ACCEPT_TIME, PREFIX


def ours(group: str) -> Column:
    """Whether a record is for this consumer group: a redriven one is for one alone."""
    return fn.coalesce(_target() == group, fn.lit(True))


def redrives() -> Column:
    """How often the record has come back."""
    return fn.when(_target().isNotNull(), fn.coalesce(_number("redrive_count"), fn.lit(0))).otherwise(0)


def first(fact: str, own: Column) -> Column:
    """The partition, offset or timestamp (`fact`) that the record had where its producer put it."""
    return fn.when(_is_redriven(), _number(f"source_{fact}")).otherwise(own.cast("long"))


def first_time() -> Column:
    """Of a record that was put back a struct: `ms`, its first timestamp in milliseconds since 1970, and `waived`,
    whether an operator has waived the rule of late and future for it. Null for all others, for which no more than one
    header is looked for."""
    waived = fn.coalesce(_text(ACCEPT_TIME) == "true", fn.lit(False))
    found = fn.struct(_number("source_timestamp").alias("ms"), waived.alias("waived"))
    return fn.when(_target().isNotNull(), fn.when(_is_redriven(), found))


def _is_redriven() -> Column:
    """To this same topic, with a first position that can be read; null counts as false."""
    known = [_number(name).isNotNull() for name in ("source_partition", "source_offset", "source_timestamp")]
    return (redrives() > 0) & (_text("source_topic") == fn.col("topic")) & known[0] & known[1] & known[2]


def _target() -> Column:
    return _text("target_group")


def _text(name: str) -> Column:
    """Of a header; null where it is missing or empty."""
    place = (fn.array_position(fn.col("headers.key"), PREFIX + name) - 1).cast("int")
    return fn.nullif(fn.get(fn.col("headers.value"), place).cast("string"), fn.lit(""))


def _number(name: str) -> Column:
    text = _text(name)
    return fn.when(text.rlike("^[0-9]{1,18}$"), text.cast("long"))
