"""How many chunks each company had per minute of upload: from `embeddings.ready` to window rows, as pure functions.

What is counted is the distinct pair (chunk_id, received_at): a chunk that a crash had published twice counts once, the
same chunk of a later upload has another `received_at` and counts again.

The state per company and minute is one set of 64-bit hashes of that pair, eight bytes a chunk. It is read and written
once per micro-batch and key, not once per row (as Real-Time Mode would: quadratic), so a minute with n chunks costs
O(n) per batch. Keeping the pairs themselves with `dropDuplicates` was the alternative: about ten times the state, a
second shuffle, and a scan of every pair of the last days whenever the watermark moves.

Two different pairs of one window share a hash with a probability below n² / 2^65: 1.1e-9 for 200,000 chunks of one
company in one minute, 2.7e-8 for a million. It would make that window's count one too low, and no other's.
"""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as fn

from shared.tables import CHUNK_COUNTS_1M
from shared.topics import ANALYTICS_FLINK, PROCESSED_METRICS

LAYOUT = "xxhash64(chunk_id, received_at in ms) per company_id and minute; 1"
"""Names what the state holds. Change it with the state, so that an old checkpoint is not read as the new one's."""

WINDOW = timedelta(minutes=1)
INPUT_METRICS = "input"

_FIELDS = "chunk_id VARIANT, document_id VARIANT, company_id VARIANT, received_at VARIANT, version VARIANT"
_TEXTS = ("chunk_id", "document_id", "company_id", "received_at")
_INSTANT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$"
_ISO_MILLISECONDS = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
_SOURCE = "/cauce/streaming"


def parse(records: DataFrame, max_ahead: timedelta) -> DataFrame:
    """Of Kafka records (value, timestamp): chunk_id, company_id, received_at to the millisecond, and `valid`.

    Only the named fields are decoded, the vector is skipped. They are read as variants, since a plain JSON string
    column takes a number or an object for a string too. A row is invalid when it isn't a JSON object, when a field is
    missing or of a wrong type, and when `received_at` lies more than `max_ahead` after the record's own timestamp:
    a single date from the far future would else move the watermark past every honest row. No clock is asked, so a
    replay decides the same.
    """
    event = fn.from_json(fn.col("value").cast("string"), _FIELDS)
    fields = records.select("timestamp", event.alias("event"))
    received_at = _instant(_typed("received_at", "string"))
    parsed = fields.select(
        _typed("chunk_id", "string").alias("chunk_id"),
        _typed("company_id", "string").alias("company_id"),
        received_at.alias("received_at"),
        _valid_types().alias("typed"),
        "timestamp",
    )
    latest = fn.col("timestamp") + fn.lit(max_ahead)
    timely = fn.col("received_at").isNotNull() & (fn.col("received_at") <= latest)
    valid = fn.coalesce(fn.col("typed") & timely, fn.lit(False))
    return parsed.select("chunk_id", "company_id", "received_at", valid.alias("valid"))


def keep_valid(rows: DataFrame) -> DataFrame:
    """Without the invalid rows, whose number and that of all rows go into the query's progress as `INPUT_METRICS`."""
    invalid = fn.count_if(~fn.col("valid")).alias("invalid")
    return rows.observe(INPUT_METRICS, fn.count(fn.lit(1)).alias("rows"), invalid).where("valid").drop("valid")


def count(chunks: DataFrame, watermark: timedelta) -> DataFrame:
    """Per company and minute: company_id, window_start, window_end (timestamps), chunk_count.

    `watermark` is how long after a later chunk one may still arrive and be counted; it only bounds the state.
    """
    pair = fn.xxhash64("chunk_id", fn.unix_millis("received_at"))
    return (
        chunks.select("company_id", "received_at", pair.alias("pair"))
        .withWatermark("received_at", f"{watermark.total_seconds():.0f} seconds")
        .groupBy(fn.window("received_at", f"{WINDOW.total_seconds():.0f} seconds"), "company_id")
        .agg(fn.size(fn.collect_set("pair")).cast("long").alias("chunk_count"))
        .select("company_id", "window.start", "window.end", "chunk_count")
        .withColumnsRenamed({"start": "window_start", "end": "window_end"})
    )


def publish(counts: DataFrame, epoch: int) -> DataFrame:
    """Kafka records (topic, key, value, headers), two per window row: for people's consumers and for db_writer."""
    start, end = _iso("window_start"), _iso("window_end")
    row = [start.alias("window_start"), end.alias("window_end"), fn.col("company_id"), fn.col("chunk_count")]
    table = [fn.lit(CHUNK_COUNTS_1M.name).alias("_table_name"), fn.lit(epoch).alias("_epoch")]
    row_key = fn.concat_ws("|", fn.lit(CHUNK_COUNTS_1M.name), start, fn.col("company_id"))
    records = fn.array(
        _record(ANALYTICS_FLINK.name, fn.col("company_id"), fn.to_json(fn.struct(*row)), row_key),
        _record(PROCESSED_METRICS.name, row_key, fn.to_json(fn.struct(*table, *row)), row_key),
    )
    return counts.select(fn.explode(records).alias("record")).select("record.*")


def transform(records: DataFrame, *, watermark: timedelta, max_ahead: timedelta, epoch: int) -> DataFrame:
    """The whole query between its source and its sink."""
    return publish(count(keep_valid(parse(records, max_ahead)), watermark), epoch)


def _typed(field: str, sql_type: str) -> Column:
    return fn.try_variant_get(fn.col(f"event.{field}"), "$", sql_type)


def _valid_types() -> Column:
    version = fn.col("event.version")
    valid = (fn.schema_of_variant(version) == "BIGINT") & (fn.try_variant_get(version, "$", "long") >= 0)
    for field in _TEXTS:
        valid &= fn.schema_of_variant(fn.col(f"event.{field}")) == "STRING"
    return valid


def _instant(text: Column) -> Column:
    moment = fn.when(text.rlike(_INSTANT), text.try_cast("timestamp"))
    return fn.date_trunc("millisecond", moment)


def _iso(column: str) -> Column:
    return fn.date_format(column, _ISO_MILLISECONDS)


def _record(topic: str, key: Column, value: Column, row_key: Column) -> Column:
    headers = fn.array(
        _header("ce_specversion", fn.lit("1.0")),
        _header("ce_id", fn.concat_ws("|", row_key, fn.col("chunk_count"))),
        _header("ce_source", fn.lit(_SOURCE)),
        _header("ce_type", fn.lit(f"cauce.{topic}")),
        _header("content-type", fn.lit("application/json")),
    )
    return fn.struct(fn.lit(topic).alias("topic"), key.alias("key"), value.alias("value"), headers.alias("headers"))


def _header(name: str, value: Column) -> Column:
    return fn.struct(fn.lit(name).alias("key"), value.cast("binary").alias("value"))
