"""The stateless query of a stream: refused events to its dead letters, the good ones to `processed.readings.v1`.

Both are told apart by the event and its record alone, so that a replay decides the same.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as fn

from shared.kafka.records import PREFIX
from shared.streams.declaration import Readings, Stream
from shared.streams.topics import input_topic
from shared.topics import PROCESSED_READINGS
from streaming.records import HEADERS, event_headers, header, iso, plain, record, text
from streaming.redriven import first, redrives
from streaming.validate import observed, validated


def transform(records: DataFrame, stream: Stream) -> DataFrame:
    """Of Kafka records, with their headers: records (topic, key, value, headers).

    Each gives at most one: a dead letter, a reading where the stream declares them, else nothing.
    """
    letter = fn.when(fn.col("code").isNotNull(), _dead_letter(stream))
    chosen = letter if stream.readings is None else letter.otherwise(_reading(stream, stream.readings))
    rows = observed(validated(records, stream))
    # Not a filter: Spark would move it below the verdict, and compute that twice.
    return rows.select(fn.explode(fn.array_compact(fn.array(chosen))).alias("record")).select("record.*")


def _dead_letter(stream: Stream) -> Column:
    """As shared/kafka/deadletters.py writes them. No clock is asked: both times are the record's own.

    The message names a few fields only, so that all added headers stay far below their limit.
    """
    facts = {
        "source_topic": fn.col("topic"),
        "source_partition": first("partition", fn.col("partition")).cast("string"),
        "source_offset": first("offset", fn.col("offset")).cast("string"),
        "source_timestamp": first("timestamp", fn.unix_millis("timestamp")).cast("string"),
        "consumer_group": fn.lit(f"streaming.{stream.name}"),
        "service": fn.lit("streaming"),
        "stage": fn.lit("clean"),
        "error_code": fn.col("code"),
        "attempts": fn.lit("1"),
        "first_failed_at": iso("timestamp"),
        "failed_at": iso("timestamp"),
        "error_message": fn.col("message"),
    }
    added = fn.array(*(header(PREFIX + name, value) for name, value in facts.items()))
    original = fn.coalesce("headers", fn.array().cast(HEADERS))
    kept = fn.filter(original, lambda each: ~each["key"].startswith(PREFIX))
    # A broker measures what is compressed, a producer what isn't: a value that came in may be too large to go out.
    size = fn.octet_length("value")
    fits = size <= input_topic(stream).max_message_bytes
    left_out = fn.when(~fits, header(f"{PREFIX}value_left_out_bytes", size.cast("string")))
    again = fn.when(redrives() > 0, header(f"{PREFIX}redrive_count", redrives().cast("string")))
    headers = fn.concat(kept, added, fn.array_compact(fn.array(left_out, again)))
    # No client sends a record with neither a key nor a value.
    empty = fn.lit(b"")
    value = fn.when(~fits, empty).when(fn.col("key").isNull(), fn.coalesce("value", empty)).otherwise(fn.col("value"))
    return record(fn.lit(input_topic(stream).dlq.name), fn.col("key"), value, headers)


def _reading(stream: Stream, readings: Readings) -> Column:
    position = fn.concat_ws("-", "topic", fn.col("partition").cast("string"), fn.col("offset").cast("string"))
    identity = _text(stream, readings.id) if readings.id else position
    fields = [
        fn.lit(readings.collection).alias("_collection_name"),
        identity.alias("_id"),
        position.alias("_position"),
        fn.col("offset").alias("_offset"),
        iso("event_time").alias("_event_time"),
        iso("timestamp").alias("_received_at"),
        *(plain(fn.col(f"event.{name}"), field.type).alias(name) for name, field in stream.fields.items()),
    ]
    key = _text(stream, stream.topic.key) if stream.topic.key else identity
    topic = fn.lit(PROCESSED_READINGS.name)
    return record(topic, key, fn.to_json(fn.struct(*fields)), event_headers(topic, position))


def _text(stream: Stream, field: str) -> Column:
    return text(fn.col(f"event.{field}"), stream.fields[field].type)
