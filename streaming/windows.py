"""Window rows of a stream: from raw records to rows for MySQL, or for other people's topics.

An accepted event gives one row per window that it is in; the bounds are computed from its event time, so that windows
of several tables and sizes share one aggregation, and one state. The watermark is on the window's end.

`count_distinct` keeps one set of 64-bit hashes per window and group, eight bytes an event. It is read and written once
per micro-batch and key, not once per row (as Real-Time Mode would: quadratic), so a window with n events costs O(n) per
batch. Keeping the values themselves with `dropDuplicates` was the alternative: about ten times the state, a second
shuffle, and a scan of every value of the last days whenever the watermark moves. Two different values of one window
share a hash with a probability below n² / 2^65: 1.1e-9 for 200,000 values, 2.7e-8 for a million. It would make that
window's count one too low, and no other's.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as fn

from shared.streams.declaration import Stream, Type, Window
from shared.streams.expressions import Aggregate, Function, Template
from shared.streams.plan import Kind, QueryPlan
from shared.streams.units import milliseconds
from shared.topics import PROCESSED_METRICS
from streaming.records import event_headers, iso, plain, record, text
from streaming.validate import validated


def transform(records: DataFrame, plan: QueryPlan, epoch: int, floor_ms: int | None) -> DataFrame:
    """Of Kafka records, with their headers: records (topic, key, value, headers), one per changed window row.

    `floor_ms`, in milliseconds since 1970: the topic has lost records of windows that begin before it.
    """
    rows = counted(in_windows(validated(records, plan.stream), plan), plan)
    return rows.select(_record(plan, _epoch(epoch, floor_ms)).alias("record")).select("record.*")


def _epoch(epoch: int, floor_ms: int | None) -> Column:
    """A window that begins before the floor is partly lost, so a reset must not put what is left of it in the place of
    what was counted when it was whole: its row is of the first epoch, where the greatest count wins."""
    if floor_ms is None:
        return fn.lit(epoch)
    return fn.when(fn.unix_millis("_start") < floor_ms, fn.lit(1)).otherwise(fn.lit(epoch))


def in_windows(rows: DataFrame, plan: QueryPlan) -> DataFrame:
    """Of validated rows the accepted ones, once per window: `_table`, `_start`, `_end` (timestamps), the group columns,
    `event`, and the record's `timestamp`."""
    tables = fn.array(*(_panes(window) for window in plan.windows))
    # Not a filter: Spark would move it below the verdict, and compute that twice.
    accepted = fn.when(fn.col("code").isNull(), tables)
    first = rows.select("event", "timestamp", fn.explode(accepted).alias("_panes"))
    each = first.select("event", "timestamp", "_panes.*")
    if any(window.step != window.size for window in plan.windows):
        starts = fn.explode(fn.sequence("_first", "_last", "_step"))
        each = each.withColumn("_last", starts)
    return each.select(
        "event",
        "timestamp",
        "_table",
        fn.timestamp_millis("_last").alias("_start"),
        fn.timestamp_millis(fn.col("_last") + fn.col("_size")).alias("_end"),
    )


def _panes(window: Window) -> Column:
    """The windows that the event is in begin at `_first`, at `_last`, and every `_step` in between."""
    size, step = milliseconds(window.size), milliseconds(window.step)
    last = fn.col("event_ms") - fn.pmod("event_ms", fn.lit(step).cast("bigint"))
    return fn.struct(
        fn.lit(window.table).alias("_table"),
        (last - (size - step)).alias("_first"),
        last.alias("_last"),
        fn.lit(step).cast("bigint").alias("_step"),
        fn.lit(size).cast("bigint").alias("_size"),
    )


def counted(rows: DataFrame, plan: QueryPlan) -> DataFrame:
    """`_table`, `_start`, `_end`, the group columns, the selected columns, and `_newest`: the greatest timestamp of the
    window's records in milliseconds since 1970, by which a reader can tell how old a row's news is."""
    stream, window = plan.stream, plan.windows[0]
    delay = plan.watermark()
    # Without a watermark no window is ever given up. A long one would not do: it begins at 1970.
    marked = rows if delay is None else rows.withWatermark("_end", f"{milliseconds(delay)} milliseconds")
    # In an order that the file's doesn't change: Spark tells columns of its state apart by their places alone.
    groups = [_group(stream, template).alias(name) for name, template in sorted(window.group_by.items())]
    selected = [_aggregate(stream, aggregate).alias(name) for name, aggregate in sorted(window.select.items())]
    newest = fn.unix_millis(fn.max("timestamp")).alias("_newest")
    return marked.groupBy("_table", "_start", "_end", *groups).agg(*selected, newest)


def _group(stream: Stream, template: Template) -> Column:
    if template.alone is not None:
        return _field(template.alone)
    parts = [
        text(_field(part), stream.fields[part].type) if is_field else fn.lit(part) for is_field, part in template.parts
    ]
    return fn.concat(*parts)


def _field(name: str) -> Column:
    return fn.col(f"event.{name}")


def _aggregate(stream: Stream, aggregate: Aggregate) -> Column:
    """A sum that no type can hold is null: JSON and MySQL have no infinity, and an overflow would end the query."""
    match aggregate.function:
        case Function.COUNT:
            return fn.count(fn.lit(1))
        case Function.COUNT_DISTINCT:
            return fn.size(fn.collect_set(fn.xxhash64(*map(_field, aggregate.fields)))).cast("bigint")
    field = aggregate.fields[0]
    is_whole = stream.fields[field].type.whole
    match aggregate.function:
        case Function.SUM:
            return fn.try_sum(_field(field)) if is_whole else _finite(fn.sum(_field(field)))
        case Function.AVG:
            return _finite(fn.avg(_field(field).cast("double")))
        case Function.MIN:
            return fn.min(_field(field))
        case Function.MAX:
            return fn.max(_field(field))


def _finite(number: Column) -> Column:
    return fn.when(fn.abs(number) < float("inf"), number)


def _record(plan: QueryPlan, epoch: Column) -> Column:
    window, stream = plan.windows[0], plan.stream
    groups = {name: stream.type_of(template) for name, template in window.group_by.items()}
    cells = [plain(fn.col(name), kind).alias(name) for name, kind in groups.items()]
    bounds = [iso("_start").alias("window_start"), iso("_end").alias("window_end")]
    row_key = _key(fn.col("_table"), groups)
    identity = fn.concat_ws("|", row_key, fn.col(window.count).cast("string"))
    if plan.kind is Kind.PUBLISHED:
        topic, key, names = _published(plan, groups)
    else:
        topic, key, names = fn.lit(PROCESSED_METRICS.name), row_key, [fn.col("_table").alias("_table_name")]
        names += [epoch.alias("_epoch"), fn.col("_newest")]
    # An average of nothing is null, and stays in the row.
    value = fn.to_json(fn.struct(*names, *bounds, *cells, *window.select), {"ignoreNullFields": "false"})
    return record(topic, key, value, event_headers(topic, identity))


def _key(first: Column, groups: dict[str, Type]) -> Column:
    """`table|2026-01-02T03:04:00.000Z|group|…`. Where several of the groups are strings a bar within one is escaped:
    of two rows with one key a compacted topic would keep only the newer."""
    ambiguous = sum(kind is Type.STRING for kind in groups.values()) > 1
    parts = [
        _escaped(name) if ambiguous and kind is Type.STRING else text(fn.col(name), kind)
        for name, kind in groups.items()
    ]
    return fn.concat_ws("|", first, iso("_start"), *parts)


def _escaped(name: str) -> Column:
    twice = fn.replace(fn.col(name), fn.lit("\\"), fn.lit("\\\\"))
    return fn.replace(twice, fn.lit("|"), fn.lit("\\|"))


def _published(plan: QueryPlan, groups: dict[str, Type]) -> tuple[Column, Column, list[Column]]:
    """Topic, key, and the column `window_type`."""
    window_type = _by_table({window.table: fn.lit(window.window_type) for window in plan.windows})
    by_window = _key(window_type, groups)
    publish = {window.table: window.publish for window in plan.windows if window.publish}
    keys = {
        table: by_window if to.key == "window" else text(fn.col(to.key), groups[to.key])
        for table, to in publish.items()
    }
    topic = _by_table({table: fn.lit(to.topic) for table, to in publish.items()})
    return topic, _by_table(keys), [window_type.alias("window_type")]


def _by_table(values: dict[str, Column]) -> Column:
    return fn.coalesce(*(fn.when(fn.col("_table") == table, value) for table, value in values.items()))
