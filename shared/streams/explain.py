"""A declaration in words: what follows from it, for whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from shared.ddl import MARIADB_TEXT, MYSQL_TEXT, statements
from shared.streams.declaration import FieldDeclaration, Mode, Publish, Stream, Type, Window, view_name
from shared.streams.generators.generic import example
from shared.streams.plan import Kind, QueryPlan, query_plans
from shared.streams.tables import window_table
from shared.streams.topics import input_topic, published_topic
from shared.streams.units import format_duration, format_size, name_duration
from shared.topics import PROCESSED_METRICS, PROCESSED_READINGS, Topic


def explain(stream: Stream, *, shuffle_partitions: int, epoch: int, now: int) -> Iterator[str]:
    """Lines; headings end in a colon, what belongs to them is indented. `now`, in ms since 1970, dates the example."""
    yield f"{stream.name}: {stream.description}" if stream.description else stream.name
    for heading, lines in (
        ("topics", _topics(stream)),
        ("fields", _fields(stream)),
        ("event time", _event_time(stream)),
        ("an event that is accepted", [json.dumps(example(stream, now), ensure_ascii=False)]),
        ("endpoints", _endpoints(stream)),
        ("Spark", [line for plan in query_plans(stream) for line in _query(plan, shuffle_partitions, epoch)]),
        ("MySQL", _ddl(stream)),
        ("MongoDB", _readings(stream)),
        ("archive", [f"`{stream.topic_name}` by hour, as {stream.archive.format}"] if stream.archive else []),
    ):
        if lines:
            yield from ("", f"{heading}:", *(f"  {line}" for line in lines))


def _topics(stream: Stream) -> list[str]:
    topic = input_topic(stream)
    told = [f"in: {_topic(topic)}, of the pipeline" if stream.of_pipeline else f"in: {_topic(topic)}"]
    told += [f"    {name} = {value}" for name, value in topic.settings.items()]
    told.append(f"    greatest record {format_size(topic.max_message_bytes)}, times are the broker's")
    told.append(f"dead letters: {_topic(topic.dlq)}")
    published = dict.fromkeys(window.publish for window in stream.windows if window.publish)
    return told + [_published(publish) for publish in published]


def _topic(topic: Topic) -> str:
    key = f"key `{topic.key}`" if topic.key else "no key"
    kept = f"kept {format_duration(topic.retention)}{', compacted' if topic.compact else ''}"
    return f"`{topic.name}`, {topic.partitions} partition{'s' * (topic.partitions > 1)}, {key}, {kept}"


def _published(publish: Publish) -> str:
    return f"published: {_topic(published_topic(publish))}, {publish.compression}"


def _fields(stream: Stream) -> list[str]:
    width = max(len(name) for name in stream.fields)
    rules = [f"{name:<{width}}  {rule(field)}" for name, field in stream.fields.items()]
    other = "other fields: refused" if stream.extra == "forbid" else "other fields: ignored"
    return [*rules, f"{other}; an event has at most {format_size(stream.max_event_bytes)}"]


def rule(field: FieldDeclaration) -> str:
    """What a field must be, in words."""
    words = [_KINDS[field.type], *_bounds(field)]
    words += [f"a multiple of {field.multiple_of:g}"] if field.multiple_of else []
    words += [f"at most {field.max_length} characters"] if field.type is Type.STRING and not field.enum else []
    words += [f"like `{field.pattern}`"] if field.pattern else []
    words += [f"one of {', '.join(f'`{value}`' for value in field.enum)}"] if field.enum else []
    words += ["may be missing"] if field.optional else []
    return ", ".join(words) + (f" ({field.description})" if field.description else "")


_KINDS = {
    Type.INT: "a whole number of 32 bits",
    Type.LONG: "a whole number of 64 bits",
    Type.DOUBLE: "a number",
    Type.STRING: "a text",
    Type.BOOLEAN: "true or false",
    Type.TIMESTAMP: "a time in ISO 8601 with its zone",
}


def _bounds(field: FieldDeclaration) -> list[str]:
    least = None if field.minimum is None else f"{field.minimum:.15g}"
    most = None if field.maximum is None else f"{field.maximum:.15g}"
    if least and most:
        return [f"{least} to {most}"]
    return [f"{least} or more"] if least else [f"{most} or less"] if most else []


def _event_time(stream: Stream) -> list[str]:
    time = stream.event_time
    unit = "" if stream.fields[time.field].type is Type.TIMESTAMP else f" in {time.unit} since 1970"
    late = "no event is late" if time.lateness is None else f"older than {format_duration(time.lateness)} is `late`"
    ahead = f"more than {format_duration(time.max_ahead)} ahead is `future`"
    return [f"`{time.field}`{unit}, judged by the record's own timestamp: {late}, {ahead}"]


def _endpoints(stream: Stream) -> list[str]:
    read = f"/streams/{stream.name}"
    found = [] if stream.of_pipeline else [f"POST /events/{stream.name}  one event, an array, or NDJSON"]
    if stream.windows:
        found += [f"GET {read}/windows?table={window.table}" for window in stream.windows]
        found += [f"GET {read}/top?table={window.table}" for window in stream.windows if window.top]
        found.append(f"GET {read}/live  window rows as they change")
    found += [f"GET {read}/readings"] if stream.readings else []
    return [*found, f"GET {read}/stats"]


def _query(plan: QueryPlan, shuffle_partitions: int, epoch: int) -> Iterator[str]:
    yield plan.name
    yield f"  reads `{input_topic(plan.stream).name}`, {_mode(plan)}"
    yield from (f"  {line}" for line in _work(plan))
    yield f"  task slots: {plan.slots(shuffle_partitions)}"
    if plan.stateful:
        yield f"  {_state(plan)}"
    yield f"  checkpoint: {plan.fingerprint(shuffle_partitions, epoch)} (epoch {epoch})"


def _mode(plan: QueryPlan) -> str:
    if plan.mode is Mode.REALTIME:
        return "each event at once (Real-Time Mode)"
    return f"in micro-batches every {format_duration(plan.trigger)}"


def _work(plan: QueryPlan) -> list[str]:
    if plan.kind is Kind.CLEAN:
        good = f", good ones to `{PROCESSED_READINGS.name}`" if plan.stream.readings else ""
        return [f"writes bad events to `{input_topic(plan.stream).dlq.name}`{good}"]
    groups = ", ".join(f"`{name}`" for name in plan.windows[0].group_by)
    chosen = [f"`{name}` = {text}" for name, text in plan.windows[0].model_dump(mode="json")["select"].items()]
    into = {window.publish.topic for window in plan.windows if window.publish}
    targets = sorted(into) if plan.kind is Kind.PUBLISHED else [PROCESSED_METRICS.name]
    return [
        f"windows of {', '.join(map(_bounds_of, plan.windows))}, by {groups or 'nothing else'}: {', '.join(chosen)}",
        f"writes rows to {', '.join(f'`{name}`' for name in targets)}",
    ]


def _bounds_of(window: Window) -> str:
    size = name_duration(window.size)
    sliding = f" every {name_duration(window.step)}" if window.step != window.size else ""
    return f"{size}{sliding} (`{window.window_type}`)"


def _state(plan: QueryPlan) -> str:
    watermark = plan.watermark()
    if watermark is None:
        return "keeps the state of every window for as long as its checkpoint lives"
    return f"keeps a window's state until it lies {watermark} h behind the newest event (watermark)"


def _ddl(stream: Stream) -> list[str]:
    lines: list[str] = []
    for window in stream.windows:
        for statement in statements(window_table(stream, window)):
            lines += ["", *statement.splitlines()]
    told = f"for MariaDB; MySQL has `{MYSQL_TEXT}` in place of `{MARIADB_TEXT}`"
    return [told, *lines] if lines else []


def _readings(stream: Stream) -> list[str]:
    if stream.readings is None:
        return []
    own = f"the field `{stream.readings.id}`" if stream.readings.id else "topic-partition-offset of the record"
    also = "also `event_time`, `received_at`, `position`"
    return [f"collection `{stream.readings.collection}`: every clean event; `_id` is {own}; {also}"]


def overview(streams: Sequence[Stream]) -> list[tuple[str, str, str, str, str]]:
    """For each: name, topic, mode, what it writes, description."""
    return [
        (stream.name, stream.topic_name, stream.mode, ", ".join(_written(stream)), stream.description or "")
        for stream in streams
    ]


def _written(stream: Stream) -> list[str]:
    names = [name for window in stream.windows for name in _names(window)]
    return names + ([stream.readings.collection] if stream.readings else [])


def _names(window: Window) -> list[str]:
    return [window.table, view_name(window)] if window.top else [window.table]
