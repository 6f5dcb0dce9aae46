"""How values become Kafka records, in SQL functions: texts of keys, times, headers."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as fn

from shared.streams.declaration import Type

HEADERS = "array<struct<key:string,value:binary>>"
SOURCE = "/cauce/streaming"
_ISO_MILLISECONDS = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"


def iso(moment: Column | str) -> Column:
    """Of a timestamp, as `2026-01-02T03:04:05.678Z`."""
    return fn.date_format(moment, _ISO_MILLISECONDS)


def plain(value: Column, kind: Type) -> Column:
    """As JSON has it: a timestamp becomes a text, the rest stays."""
    return iso(value) if kind is Type.TIMESTAMP else value


def text(value: Column, kind: Type) -> Column:
    """As in a key or a template."""
    return plain(value, kind).cast("string")


def header(name: str, value: Column) -> Column:
    return fn.struct(fn.lit(name).alias("key"), value.cast("binary").alias("value"))


def event_headers(topic: Column, identity: Column) -> Column:
    """CloudEvents' binding for Kafka, in binary mode."""
    return fn.array(
        header("ce_specversion", fn.lit("1.0")),
        header("ce_id", identity),
        header("ce_source", fn.lit(SOURCE)),
        header("ce_type", fn.concat(fn.lit("cauce."), topic)),
        header("content-type", fn.lit("application/json")),
    )


def record(topic: Column, key: Column, value: Column, headers: Column) -> Column:
    """A row for the Kafka sink."""
    return fn.struct(
        topic.alias("topic"),
        key.cast("binary").alias("key"),
        value.cast("binary").alias("value"),
        headers.cast(HEADERS).alias("headers"),
    )
