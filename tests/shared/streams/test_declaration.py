from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.streams.declaration import Mode, Stream, view_name
from tests.shared.streams.samples import ORDERS, declared, orders

WINDOW = ORDERS["windows"][0]


def test_short_forms_mean_the_long_ones() -> None:
    """A list of group columns, a topic by its name, `archive: true`: each is short for something."""
    stream = orders(
        **{"windows.0.publish": "orders.out", "archive": True, "topic": "orders.in", "windows.0.slide": "30s"}
    )
    (window,) = stream.windows
    assert {name: template.alone for name, template in window.group_by.items()} == {"customer": "customer"}
    assert window.publish is not None
    assert window.publish.topic == "orders.out"
    assert stream.topic_name == "orders.in"
    assert stream.archive is not None
    assert orders(archive=False).archive is None
    assert window.window_type == "sliding_1min_30sec"


def test_the_canonical_form_reads_back() -> None:
    """What is recorded of a declaration is the declaration, and equal ones are recorded equally."""
    stream = orders(**{"event_time.lateness": "none", "windows.0.group_by": {"who": "c-{customer}"}})
    assert Stream.model_validate(stream.canonical()) == stream
    assert orders(**{"windows.0.size": "60s"}).canonical() == orders().canonical()


def test_defaults() -> None:
    """What a declaration leaves out."""
    stream = orders()
    assert stream.event_time.lateness == timedelta(seconds=30)
    assert orders(**{"event_time.lateness": "none"}).event_time.lateness is None
    assert stream.mode is Mode.REALTIME
    assert stream.extra == "forbid"
    assert stream.windows[0].count == "orders"
    assert view_name(stream.windows[0]) == "orders_1m_top3"
    with pytest.raises(ValueError, match="`orders_1m` has no `top`"):
        view_name(orders(**{"windows.0.top": None}).windows[0])


def test_a_pipeline_topic_may_be_named() -> None:
    """Then the topic is not the declaration's."""
    stream = orders(topic="embeddings.ready")
    assert stream.of_pipeline
    assert not orders().of_pipeline


def test_names_of_readings_are_free_without_them() -> None:
    """A field may be called what a reading's own are, where none are stored; letters may differ in case."""
    assert "received_at" in orders(**{"fields.received_at": {"type": "timestamp"}}).fields
    assert orders(**{"fields.Position": {"type": "int"}, "readings": {"collection": "c"}}).readings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # fields
        ({"fields.items.minimum": 101}, "`minimum` is greater than `maximum`"),
        ({"fields.customer.minimum": 1}, "`minimum` is for numbers, not for `string`"),
        ({"fields.customer.multiple_of": 1}, "`multiple_of` is for numbers"),
        ({"fields.items.multiple_of": 0}, "greater than 0"),
        ({"fields.price.pattern": "x"}, "`pattern` is for strings, not for `double`"),
        ({"fields.items.enum": ["a"]}, "`enum` is for strings, not for `int`"),
        ({"fields.customer.enum": []}, "at least 1 item"),
        ({"fields.customer.pattern": "("}, "is no regular expression"),
        ({"fields.customer.type": "text"}, "Input should be 'int', 'long'"),
        ({"fields.customer.size": 5}, "Extra inputs are not permitted"),
        ({"fields.Price": {"type": "int"}}, "differ only in upper and lower case"),
        ({"fields.1st": {"type": "int"}}, "should match pattern"),
        ({"fields._id": {"type": "int"}}, "should match pattern"),
        ({"fields": {}}, "at least 1 item"),
        # names
        ({"name": "Orders"}, "should match pattern"),
        ({"name": "orders/../x"}, "should match pattern"),
        ({"topic.name": "a b"}, "should match pattern"),
        ({"windows.0.table": "orders; drop"}, "should match pattern"),
        ({"windows.0.table": "a" * 49}, "at most 48 characters"),
        # event time
        ({"event_time.field": "when"}, "`event_time.field` names `when`, which is not in `fields`"),
        ({"event_time.field": "items"}, "must be a `long` or a `timestamp`, not `int`"),
        ({"fields.at.optional": True}, "names `at`, which is optional"),
        ({"event_time.lateness": "soon"}, "must be a number with a unit"),
        ({"event_time.max_ahead": "0s"}, "must be longer than nothing"),
        ({"event_time.unit": "ns"}, "Input should be 's', 'ms' or 'us'"),
        # topic
        ({"topic": {"name": "embeddings.ready", "partitions": 1}}, "belongs to the pipeline"),
        ({"topic.key": "who"}, "`topic.key` names `who`"),
        ({"topic.key": "price"}, "`topic.key` names `price`, which is optional"),
        ({"topic.partitions": 0}, "greater than or equal to 1"),
        ({"topic.compression": "brotli"}, "Input should be 'lz4'"),
        ({"max_event_bytes": "2MiB"}, "`max_event_bytes` is greater than the topic's `max_message_bytes`"),
        # readings
        ({"readings": {"collection": "c", "id": "who"}}, "`readings.id` names `who`"),
        ({"readings": {"collection": "c", "id": "price"}}, "which is optional"),
        ({"readings": {"collection": "C"}}, "should match pattern"),
        *(
            (
                {"readings": {"collection": "c"}, f"fields.{name}": {"type": "int"}},
                f"these fields already: {name}: give",
            )
            for name in ("position", "event_time", "received_at")
        ),
        ({"readings": {"collection": "c"}, "fields._offset": {"type": "int"}}, "should match pattern"),
        (
            {"readings": {"collection": "c", "id": "customer"}, "fields.customer.max_length": 600},
            "give `customer` a `max_length` of 512 or less",
        ),
        # windows
        ({"windows.0.select": {}}, "at least 1 item"),
        ({"windows.0.select": {"mean": "avg(price)"}, "windows.0.top": None}, "needs a `count"),
        ({"windows.0.select.Customer": "sum(items)"}, "a column is named twice: customer"),
        ({"windows.0.select.window_start": "sum(items)"}, "every window has these columns already: window_start"),
        ({"windows.0.slide": "25s"}, "`size` must be a multiple of `slide`"),
        ({"windows.0.slide": "2m"}, "`size` must be a multiple of `slide`"),
        ({"windows.0.size": "1h", "windows.0.slide": "1s"}, "would be in 3600 windows: at most 120"),
        ({"windows.0.size": "0m"}, "must be longer than nothing"),
        ({"windows.0.group_by": ["who"]}, "`orders_1m`: `group_by.who` names `who`"),
        ({"windows.0.group_by": ["price"]}, "names `price`, which is optional"),
        ({"windows.0.group_by": {"label": "all"}}, "names no field"),
        ({"windows.0.select.most": "max(amount)"}, "`select.most` names `amount`, which is not in `fields`"),
        ({"windows.0.select.most": "max(customer)"}, "`customer` is a `string`, not a number"),
        ({"windows.0.select.who": "count_distinct(customer)"}, "in micro-batches only: set `mode: micro_batch`"),
        ({"mode": "micro_batch", "windows.0.select.who": "count_distinct(price)"}, "which is optional"),
        ({"fields.customer.max_length": 1000}, "its key would take 4000 bytes, MySQL's limit is 3000"),
        ({"windows.0.top.by": "price"}, "`top.by` must be a column of `select`, not `price`"),
        ({"windows.0.top.within": ["items"]}, "`top`: `items` is not a column of `group_by`"),
        ({"windows.0.top.n": 0}, "greater than or equal to 1"),
        ({"windows.0.publish": {"topic": "o", "key": "items"}}, "`publish.key` must be `window` or a column"),
        ({"windows.0.top.view": "orders_1m"}, "`top.view` must have another name than its table, `orders_1m`"),
        ({"windows.0.top.rank": "Orders"}, "the window has `Orders` already"),
        ({"windows.0.top.rank": "CUSTOMER"}, "`top.rank` must be a column of its own"),
        ({"windows.0.top.rank": "window_start"}, "the window has `window_start` already"),
        ({"windows.0.select.Top_3": "max(price)"}, "the window has `top_3` already"),
        (
            {"windows": [WINDOW, {**WINDOW, "table": "orders_1m_top3", "top": None}]},
            "two windows write one table: orders_1m_top3",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    """Each rule has a message that names what is wrong."""
    with pytest.raises(ValidationError) as caught:
        Stream.model_validate(declared(**changes))
    assert message in str(caught.value)
