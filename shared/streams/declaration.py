"""The models of a declaration: one file in `streams/` is one `Stream`.

Names that end in Kafka, MySQL and MongoDB are checked here, once, so that nothing later has to quote or doubt them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from shared.streams import patterns
from shared.streams.expressions import Aggregate, Function, Template, parse_aggregate, parse_template
from shared.streams.units import Duration, Size, format_duration, format_size, name_duration, parse_duration
from shared.topics import MIB, PIPELINE, PROCESSED_READINGS

StreamName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$", max_length=100)]
TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
TableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]

RESERVED_COLUMNS = {"window_start", "window_end", "window_type", "control", "since"}
LARGEST_READING = PROCESSED_READINGS.max_message_bytes // 2
RESERVED_IN_READINGS = {"event_time", "received_at", "position"}
LONGEST_READING_ID = 512
"""In characters, as contracts/readings.py has it."""
LONGEST_KEY_BYTES = 3000
"""Of InnoDB's 3072 for a primary key."""
MOST_PANES = 120


class Declared(BaseModel):
    """What is declared doesn't change, and a word that nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Type(StrEnum):
    """Of a field, and of a column that follows from it."""

    INT = "int"
    LONG = "long"
    DOUBLE = "double"
    STRING = "string"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"

    @property
    def numeric(self) -> bool:
        return self in (Type.INT, Type.LONG, Type.DOUBLE)

    @property
    def whole(self) -> bool:
        return self in (Type.INT, Type.LONG)


class FieldDeclaration(Declared):
    """One field of an event. Whole numbers are written without a point or an exponent; a `timestamp` is ISO 8601 with
    its zone; `null` is the same as missing."""

    type: Type
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: float | None = Field(default=None, gt=0)
    max_length: int = Field(default=128, ge=1, le=65_535)
    """In characters; for strings."""
    pattern: Annotated[str, AfterValidator(patterns.checked)] | None = None
    """The whole string must match; only what Python's and Java's regular expressions share."""
    enum: tuple[str, ...] | None = Field(default=None, min_length=1)
    description: str | None = None

    @model_validator(mode="after")
    def _rules_fit_the_type(self) -> Self:
        numbers = [name for name in ("minimum", "maximum", "multiple_of") if getattr(self, name) is not None]
        texts = [name for name in ("pattern", "enum") if getattr(self, name) is not None]
        if numbers and not self.type.numeric:
            raise ValueError(f"`{numbers[0]}` is for numbers, not for `{self.type}`")
        if texts and self.type is not Type.STRING:
            raise ValueError(f"`{texts[0]}` is for strings, not for `{self.type}`")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("`minimum` is greater than `maximum`")
        return self


class TopicDeclaration(Declared):
    """The topic that a stream's events are in; its dead letters are in `<name>.dlq`."""

    name: TopicName | None = None
    """The stream's name unless given."""
    partitions: int = Field(default=3, ge=1, le=1000)
    retention: Duration = timedelta(days=7)
    compression: Literal["lz4", "zstd", "gzip", "snappy", "none"] = "lz4"
    key: ColumnName | None = None
    """The field that chooses the partition; without one, events have no key."""
    max_message_bytes: Size = MIB


def _lateness(value: object) -> object:
    return None if value == "none" else parse_duration(value)


Lateness = Annotated[
    timedelta | None,
    BeforeValidator(_lateness),
    PlainSerializer(lambda span: "none" if span is None else format_duration(span), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(none|[0-9]{1,9}(ms|s|m|h|d))$", "examples": ["30s", "none"]}),
]


class EventTime(Declared):
    """When an event happened, judged against the timestamp that the broker gave its record; no clock is asked."""

    field: ColumnName
    unit: Literal["s", "ms", "us"] = "ms"
    """Of a number; a `timestamp` has none."""
    lateness: Lateness = timedelta(seconds=30)
    """An event older than this is `late`; `none` accepts every age, for backfills."""
    max_ahead: Duration = timedelta(seconds=60)
    """An event further ahead than this is from the `future`."""
    skew: Duration = timedelta(minutes=30)
    """By how much partitions may be read apart before Spark would drop a row. It costs state, and changes no result."""


AggregateText = Annotated[
    Aggregate,
    BeforeValidator(lambda value: parse_aggregate(value) if isinstance(value, str) else value),
    PlainSerializer(lambda a: f"{a.function}({', '.join(a.fields) or '*'})", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["count(*)", "avg(rating)", "count_distinct(user_id)"]}),
]
TemplateText = Annotated[
    Template,
    BeforeValidator(lambda value: parse_template(value) if isinstance(value, str) else value),
    PlainSerializer(lambda t: "".join(f"{{{x}}}" if field else x for field, x in t.parts), return_type=str),
    WithJsonSchema({"type": "string", "examples": ["{movieId}", "S{season}"]}),
]


class Top(Declared):
    """The first `n` rows of each window as a view: `by` descending, then `then` ascending."""

    n: int = Field(ge=1, le=1000)
    by: ColumnName
    then: tuple[ColumnName, ...] = ()
    """All other group columns unless given."""
    within: tuple[ColumnName, ...] = ()
    """Group columns that each have a ranking of their own."""
    rank: ColumnName | None = None
    """The column of the rank: `top_<n>` unless given."""
    view: TableName | None = None
    """`<table>_top<n>` unless given."""

    @property
    def column(self) -> str:
        """Of the rank."""
        return self.rank or f"top_{self.n}"


class Publish(Declared):
    """Where other people read a window's rows, every 10 s."""

    topic: TopicName
    key: ColumnName | Literal["window"] = "window"
    """`window`, or a group column."""
    compression: Literal["lz4", "zstd", "gzip", "snappy"] = "gzip"
    retention: Duration = timedelta(days=30)


def _mapping(value: object) -> object:
    """`[movieId]` is short for `{movieId: "{movieId}"}`."""
    return {name: f"{{{name}}}" for name in value} if isinstance(value, list | tuple) else value


def _topic_alone(name: str) -> Callable[[object], object]:
    """A topic may be written as its name alone."""
    return lambda value: {name: value} if isinstance(value, str) else value


class Window(Declared):
    """One window table: tumbling, or sliding where `slide` is given. Windows are aligned to 1970-01-01T00:00Z."""

    table: TableName
    size: Duration
    slide: Duration | None = None
    group_by: Annotated[
        dict[ColumnName, TemplateText],
        BeforeValidator(_mapping, json_schema_input_type=list[ColumnName] | dict[ColumnName, TemplateText]),
    ] = Field(default_factory=dict)
    select: dict[ColumnName, AggregateText] = Field(min_length=1)
    top: Top | None = None
    publish: Annotated[
        Publish | None, BeforeValidator(_topic_alone("topic"), json_schema_input_type=TopicName | Publish | None)
    ] = None

    @property
    def step(self) -> timedelta:
        return self.slide or self.size

    @property
    def window_type(self) -> str:
        """`tumbling_1min`, `sliding_5min_1min`."""
        if self.slide is None or self.slide == self.size:
            return f"tumbling_{name_duration(self.size)}"
        return f"sliding_{name_duration(self.size)}_{name_duration(self.slide)}"

    @cached_property
    def count(self) -> str:
        """The column that only grows, which orders the versions of a row."""
        return next(name for name, aggregate in self.select.items() if aggregate.grows)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        columns = [*self.group_by, *self.select]
        if twice := {name.lower() for name in columns if [c.lower() for c in columns].count(name.lower()) > 1}:
            raise ValueError(f"a column is named twice: {', '.join(sorted(twice))}")
        if reserved := RESERVED_COLUMNS & {name.lower() for name in columns}:
            raise ValueError(f"every window has these columns already: {', '.join(sorted(reserved))}")
        if not any(aggregate.grows for aggregate in self.select.values()):
            raise ValueError(
                "`select` needs a `count(*)` or a `count_distinct(…)`: the greatest of a row's versions wins"
            )
        self._check_size()
        self._check_top()
        if self.publish and self.publish.key not in ("window", *self.group_by):
            raise ValueError(f"`publish.key` must be `window` or a column of `group_by`, not `{self.publish.key}`")
        return self

    def _check_size(self) -> None:
        if self.step > self.size or self.size % self.step:
            raise ValueError("`size` must be a multiple of `slide`")
        if self.size // self.step > MOST_PANES:
            raise ValueError(f"an event would be in {self.size // self.step} windows: at most {MOST_PANES}")

    def _check_top(self) -> None:
        if self.top is None:
            return
        if self.top.by not in self.select:
            raise ValueError(f"`top.by` must be a column of `select`, not `{self.top.by}`")
        for name in (*self.top.then, *self.top.within):
            if name not in self.group_by:
                raise ValueError(f"`top`: `{name}` is not a column of `group_by`")
        rank = self.top.column
        if rank.lower() in RESERVED_COLUMNS | {name.lower() for name in (*self.group_by, *self.select)}:
            raise ValueError(f"`top.rank` must be a column of its own: the window has `{rank}` already")
        if self.top.view == self.table:
            raise ValueError(f"`top.view` must have another name than its table, `{self.table}`")


class Readings(Declared):
    """Clean events as documents in MongoDB."""

    collection: TableName
    id: ColumnName | None = None
    """The field that is a reading's `_id`; else topic-partition-offset."""


class Mode(StrEnum):
    """How Spark runs a stream's windows: each event at once, or some at a time."""

    REALTIME = "realtime"
    MICRO_BATCH = "micro_batch"


class Archive(Declared):
    """Raw events as files, by hour."""

    format: Literal["parquet", "json"] = "parquet"


def _archive(value: object) -> object:
    """`true` asks for the usual one."""
    if isinstance(value, bool):
        return {} if value else None
    return value


class Stream(Declared):
    """A whole declaration."""

    name: StreamName
    description: str | None = None
    topic: Annotated[
        TopicDeclaration, BeforeValidator(_topic_alone("name"), json_schema_input_type=TopicName | TopicDeclaration)
    ] = Field(default_factory=TopicDeclaration)
    """A topic of the pipeline may be named by its name alone."""
    event_time: EventTime
    fields: dict[ColumnName, FieldDeclaration] = Field(min_length=1)
    extra: Literal["forbid", "ignore"] = "forbid"
    """What a field means that isn't declared."""
    max_event_bytes: Size = MIB
    mode: Mode = Mode.REALTIME
    trigger: Duration = timedelta(seconds=1)
    """Between micro-batches, where `mode` is `micro_batch`."""
    windows: tuple[Window, ...] = ()
    readings: Readings | None = None
    archive: Annotated[Archive | None, BeforeValidator(_archive, json_schema_input_type=bool | Archive | None)] = None

    @property
    def topic_name(self) -> str:
        return self.topic.name or self.name

    @property
    def of_pipeline(self) -> bool:
        """Whether the topic is one that the document services write: then it is not this file's to declare."""
        return self.topic_name in {topic.name for topic in PIPELINE}

    def type_of(self, template: Template) -> Type:
        return self.fields[template.alone].type if template.alone else Type.STRING

    def length_of(self, template: Template) -> int:
        """The greatest length of a group column's text, in characters."""
        return sum(self._text_length(text) if is_field else len(text) for is_field, text in template.parts)

    def _text_length(self, field: str) -> int:
        declared = self.fields[field]
        return declared.max_length if declared.type is Type.STRING else 32

    def canonical(self) -> dict[str, Any]:
        """As JSON knows it; equal declarations give equal values."""
        dumped = self.model_dump(mode="json", exclude_none=True)
        dumped["event_time"].setdefault("lateness", "none")  # which is None here, and not the default
        return dumped

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        self._check_names_of_fields()
        self._check_event_time()
        self._check_topic()
        for window in self.windows:
            self._check_window(window)
        names = [name for window in self.windows for name in tables_of(window)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two windows write one table: {', '.join(twice)}")
        return self

    def _check_names_of_fields(self) -> None:
        lower = [name.lower() for name in self.fields]
        if len(set(lower)) < len(lower):
            raise ValueError("two fields differ only in upper and lower case, which MySQL and Spark take for one")

    def _required(self, field: str, what: str) -> FieldDeclaration:
        declared = self.fields.get(field)
        if declared is None:
            raise ValueError(f"{what} names `{field}`, which is not in `fields`")
        if declared.optional:
            raise ValueError(f"{what} names `{field}`, which is optional: it must be in every event")
        return declared

    def _check_event_time(self) -> None:
        declared = self._required(self.event_time.field, "`event_time.field`")
        if declared.type not in (Type.LONG, Type.TIMESTAMP):
            raise ValueError(f"`event_time.field` must be a `long` or a `timestamp`, not `{declared.type}`")

    def _check_topic(self) -> None:
        if self.of_pipeline and self.topic.model_fields_set - {"name"}:
            raise ValueError(
                f"`{self.topic_name}` belongs to the pipeline: write `topic: {self.topic_name}` and no more"
            )
        if self.topic.key is not None:
            self._required(self.topic.key, "`topic.key`")
        if not self.of_pipeline and self.max_event_bytes > self.topic.max_message_bytes:
            raise ValueError("`max_event_bytes` is greater than the topic's `max_message_bytes`")
        if self.readings:
            self._check_readings(self.readings)

    def _check_readings(self, readings: Readings) -> None:
        if self.max_event_bytes > LARGEST_READING:
            raise ValueError(f"`max_event_bytes` is at most {format_size(LARGEST_READING)} where there are `readings`")
        if taken := sorted(RESERVED_IN_READINGS & self.fields.keys()):
            raise ValueError(f"every reading has these fields already: {', '.join(taken)}: give yours other names")
        if readings.id and self._required(readings.id, "`readings.id`").max_length > LONGEST_READING_ID:
            raise ValueError(
                f"`readings.id`: give `{readings.id}` a `max_length` of {LONGEST_READING_ID} or less, as an id has"
            )

    def _check_window(self, window: Window) -> None:
        for name, template in window.group_by.items():
            for field in template.fields:
                self._required(field, f"`{window.table}`: `group_by.{name}`")
        for name, aggregate in window.select.items():
            self._check_aggregate(f"`{window.table}`: `select.{name}`", aggregate)
        size = sum(4 * self.length_of(t) if self.type_of(t) is Type.STRING else 8 for t in window.group_by.values())
        if size > LONGEST_KEY_BYTES:
            raise ValueError(
                f"`{window.table}`: its key would take {size} bytes, MySQL's limit is {LONGEST_KEY_BYTES}: "
                "give the strings of `group_by` a smaller `max_length`"
            )

    def _check_aggregate(self, what: str, aggregate: Aggregate) -> None:
        for field in aggregate.fields:
            if field not in self.fields:
                raise ValueError(f"{what} names `{field}`, which is not in `fields`")
            if aggregate.function is not Function.COUNT_DISTINCT and not self.fields[field].type.numeric:
                raise ValueError(f"{what}: `{field}` is a `{self.fields[field].type}`, not a number")
            if aggregate.function is Function.COUNT_DISTINCT:
                self._required(field, what)
        if aggregate.function is Function.COUNT_DISTINCT and self.mode is not Mode.MICRO_BATCH:
            raise ValueError(f"{what}: distinct values are counted in micro-batches only: set `mode: micro_batch`")


def tables_of(window: Window) -> tuple[str, ...]:
    """The names that a window takes in MySQL: its table's, and its view's."""
    return (window.table, view_name(window)) if window.top else (window.table,)


def view_name(window: Window) -> str:
    if window.top is None:
        raise ValueError(f"`{window.table}` has no `top`")
    return window.top.view or f"{window.table}_top{window.top.n}"
