from __future__ import annotations

import csv
import json
import random
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Code
from shared.kafka.records import Record
from shared.streams.declaration import Stream, Window
from shared.streams.loading import load_streams
from shared.streams.recompute import Recomputation, moment
from tests.redriven import redriven
from tests.shared.streams.samples import MINUTE, NOW, declared, orders, record

START = NOW - NOW % MINUTE


def order(at: int = NOW, **values: object) -> bytes:
    return json.dumps({"customer": "a", "items": 1, "at": at, **values}).encode()


def fed(stream: Stream, *values: bytes, timestamp: int = NOW) -> Recomputation:
    recomputed = Recomputation(stream)
    for offset, value in enumerate(values):
        recomputed.feed(record(value, offset, timestamp=timestamp))
    return recomputed


def rows(recomputed: Recomputation, place: int = 0) -> dict[Any, tuple[Any, ...]]:
    return {row.key: row.values for row in recomputed.rows(recomputed.stream.windows[place])}


def test_rows_are_those_of_the_table() -> None:
    """Start, end and group are the key; averages leave out what is missing, and are null where all is."""
    recomputed = fed(
        orders(),
        order(price=1.5, items=2),
        order(price=2),
        order(),
        order(customer="b"),
        order(at=NOW - 25_000, customer="b"),
    )
    start, before = moment(START), moment(START - MINUTE)
    minute = timedelta(minutes=1)
    found = rows(recomputed)
    assert found[(start, start + minute, "a")] == (3, 1.75, 4)
    assert found[(start, start + minute, "b")] == (1, None, 1)
    assert found[(before, before + minute, "b")] == (1, None, 1)
    assert len(found) == 3


def test_sliding_windows_hold_each_event_as_often_as_they_overlap() -> None:
    """Computed from shared panes, they are what each window would be by itself."""
    windows = [
        {"table": "one", "size": "1m", "select": {"n": "count(*)", "least": "min(items)"}},
        {"table": "five", "size": "5m", "slide": "1m", "select": {"n": "count(*)", "least": "min(items)"}},
        {"table": "odd", "size": "3m", "slide": "90s", "select": {"n": "count(*)", "least": "min(items)"}},
    ]
    stream = orders(**{"windows": windows, "event_time.lateness": "none"})
    dice = random.Random(3)
    events = [(NOW - dice.randrange(20 * MINUTE), dice.randint(1, 100)) for _ in range(500)]
    recomputed = fed(stream, *(order(at=at, items=items) for at, items in events))
    for place, window in enumerate(stream.windows):
        assert rows(recomputed, place) == by_hand(window, events)


def by_hand(window: Window, events: list[tuple[int, int]]) -> dict[Any, tuple[int, int]]:
    size, step = (int(span.total_seconds() * 1000) for span in (window.size, window.step))
    members: dict[int, list[int]] = defaultdict(list)
    for at, items in events:
        for start in range(at - at % step, at - size, -step):
            members[start].append(items)
    return {(moment(start), moment(start + size)): (len(found), min(found)) for start, found in members.items()}


def test_group_columns_are_written_as_spark_writes_them() -> None:
    """Alone, a field keeps its type; in a template it is a text, a double with its point and Java's exponent."""
    fields = {
        "at": {"type": "timestamp"},
        "flag": {"type": "boolean"},
        "number": {"type": "double"},
    }
    group = {"at": "{at}", "flag": "{flag}", "number": "{number}", "text": "{flag}/{number}/{at}"}
    window = {"table": "t", "size": "1m", "group_by": group, "select": {"n": "count(*)"}}
    stream = orders(fields=fields, topic={}, windows=[window], **{"event_time.lateness": "none"})
    numbers = {5: "5.0", 0.25: "0.25", 12345678: "1.2345678E7", 0.0001: "1.0E-4", 1e20: "1.0E20", -1.5e-7: "-1.5E-7"}
    at = "2023-11-14T22:13:20.5+01:00"
    recomputed = fed(stream, *(json.dumps({"at": at, "flag": True, "number": n}).encode() for n in numbers))
    keys = [key[2:] for key in rows(recomputed)]
    time = datetime(2023, 11, 14, 21, 13, 20, 500_000, UTC).replace(tzinfo=None)
    assert keys == [
        (time, 1, float(number), f"true/{text}/2023-11-14T21:13:20.500Z") for number, text in numbers.items()
    ]


def test_distinct_values_count_once() -> None:
    """By all their fields together; the same instant in another zone is the same."""
    fields = {"id": {"type": "string"}, "at": {"type": "timestamp"}}
    window = {"table": "t", "size": "1d", "select": {"n": "count_distinct(id, at)", "ids": "count_distinct(id)"}}
    stream = orders(fields=fields, topic={}, windows=[window], mode="micro_batch")
    times = ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20.000+01:00", "2023-11-14T22:13:21Z"]
    recomputed = fed(stream, *(json.dumps({"id": "x", "at": at}).encode() for at in times))
    assert list(rows(recomputed).values()) == [(2, 1)]


def test_refused_records_are_kept_with_their_code() -> None:
    """By partition and offset; none of them is in a window or among the readings."""
    stream = orders(readings={"collection": "c"})
    late, future = order(at=NOW - 30_001), order(at=NOW + 60_001)
    recomputed = fed(stream, order(), b"{", order(items=0), late, future)
    assert recomputed.refused == {
        (0, 1): Code.INVALID_JSON,
        (0, 2): Code.OUT_OF_RANGE,
        (0, 3): Code.LATE,
        (0, 4): Code.FUTURE,
    }
    assert recomputed.records == 5
    assert sum(values[0] for values in rows(recomputed).values()) == len(recomputed.readings) == 1


def test_of_two_readings_with_one_id_the_later_stays() -> None:
    """By event time, then by offset, whatever the order."""
    stream = orders(readings={"collection": "c", "id": "customer"})
    first, second = order(items=1), order(items=2)
    earlier = order(at=NOW - 1, items=3)
    for values, kept in (((first, second, earlier), 2), ((second, earlier, first), 1), ((earlier, second), 2)):
        assert fed(stream, *values).readings["a"].values == ("a", None, kept, NOW)
    by_position = fed(orders(readings={"collection": "c"}), first, second)
    assert set(by_position.readings) == {"orders-0-0", "orders-0-1"}


def test_times_of_readings_are_in_utc() -> None:
    """To the millisecond, as the stores hold them; what is missing is none."""
    fields = {"at": {"type": "timestamp"}, "until": {"type": "timestamp", "optional": True}}
    stream = orders(fields=fields, topic={}, windows=[], readings={"collection": "c", "id": "at"})
    recomputed = fed(stream, b'{"at": "2023-11-14T23:13:20.1239+01:00"}')
    assert {name: one.values for name, one in recomputed.readings.items()} == {
        "2023-11-14T22:13:20.123Z": ("2023-11-14T22:13:20.123Z", None)
    }


def test_sums_that_no_column_holds_are_null() -> None:
    """Of whole numbers beyond 64 bits, of others beyond all."""
    fields = {"at": {"type": "long"}, "whole": {"type": "long"}, "number": {"type": "double"}}
    select = {"n": "count(*)", "whole_sum": "sum(whole)", "number_sum": "sum(number)", "most": "max(whole)"}
    window = {"table": "t", "size": "1m", "select": select}
    stream = orders(fields=fields, topic={}, windows=[window])
    value = json.dumps({"at": NOW, "whole": 2**62, "number": 1e308}).encode()
    assert list(rows(fed(stream, value)).values()) == [(1, 2**62, 1e308, 2**62)]
    assert list(rows(fed(stream, value, value)).values()) == [(2, None, None, 2**62)]


def test_an_average_may_differ_by_the_order_of_its_additions_only() -> None:
    """The slack of a sum that cancels out is that of its terms."""
    recomputed = fed(orders(**{"fields.price.minimum": None}), order(price=1e9), order(price=-1e9))
    (row,) = recomputed.rows(recomputed.stream.windows[0])
    assert row.values[1] == 0
    assert row.slack == (0.0, 1.0, 0.0)


def test_views_come_out_as_their_truth_says(events_folder: Path) -> None:
    """Counts per minute and character, in whatever order the events are."""
    (views,) = (stream for stream in load_streams() if stream.name == "character.views")
    declaration = views.canonical()
    declaration["event_time"]["lateness"] = "none"
    lines = (events_folder / "character_views.jsonl").read_bytes().splitlines()
    recomputed = fed(Stream.model_validate(declaration), *lines, timestamp=NOW + 10 * 365 * 24 * 60 * MINUTE)
    counts: Counter[tuple[str, str]] = Counter()
    for key, values in rows(recomputed).items():
        counts[(key[0].isoformat() + "Z", key[3])] += values[0]
    with (events_folder / "views__top5_1m.csv").open(newline="", encoding="utf-8") as file:
        truth = {(row["window_start"], row["character"]): int(row["count"]) for row in csv.DictReader(file)}
    assert truth
    assert {place: counts[place] for place in truth} == truth
    assert sum(counts.values()) == len(lines)


def test_sensors_come_out_as_their_truth_says(events_folder: Path) -> None:
    """Count, average, least and greatest per hour and sensor, in whatever order the readings are."""
    select = {"count": "count(*)", "avg": "avg(value)", "min": "min(value)", "max": "max(value)", "sum": "sum(value)"}
    fields = {"sensor_id": {"type": "string"}, "ts_ms": {"type": "long"}, "value": {"type": "double"}}
    window = {"table": "t", "size": "1h", "group_by": ["sensor_id"], "select": select}
    time = {"field": "ts_ms", "lateness": "none"}
    stream = orders(fields=fields, topic={}, windows=[window], event_time=time)
    with (events_folder / "nab_readings.csv").open(newline="", encoding="utf-8") as file:
        events = [{**row, "ts_ms": int(row["ts_ms"]), "value": float(row["value"])} for row in csv.DictReader(file)]
    recomputed = fed(stream, *(json.dumps(event).encode() for event in events))
    found = {(key[0].isoformat() + "Z", key[2]): values for key, values in rows(recomputed).items()}
    with (events_folder / "nab__tumbling_1h_by_sensor.csv").open(newline="", encoding="utf-8") as file:
        truth = {
            (row["window_start"], row["sensor_id"]): tuple(float(row[name]) for name in select)
            for row in csv.DictReader(file)
        }
    assert found.keys() == truth.keys()
    assert all(found[place] == pytest.approx(truth[place], rel=1e-9) for place in truth)


def test_it_keeps_up_with_a_topic() -> None:
    """Some ten thousand records a second on a busy core; fifty thousand on an idle one."""
    stream = Stream.model_validate(declared())
    values = [order(at=NOW - offset % 20_000, customer=f"c{offset % 50}", price=1.5) for offset in range(20_000)]
    records = [record(value, offset) for offset, value in enumerate(values)]
    recomputed = Recomputation(stream)
    began = time.process_time()
    for one in records:
        recomputed.feed(one)
    assert len(records) / (time.process_time() - began) > 10_000
    assert recomputed.refused == {}


def test_redriven_records() -> None:
    """One for another group is not this stream's; a refusal counts under the first position, the last one's code."""
    recomputed = Recomputation(orders())
    first = record(b"{", 5, partition=1)
    recomputed.feed(first)

    def back(group: str, count: int, value: bytes) -> Record:
        facts = {"source_topic": "orders", "source_partition": "1", "source_offset": "5", "source_timestamp": "7"}
        facts |= {"target_group": group, "redrive_count": str(count)}
        headers = tuple((f"dlq_{name}", text.encode()) for name, text in facts.items())
        return record(value, 9 + count, partition=2)._replace(headers=headers)

    recomputed.feed(back("streaming.orders", 2, b"{}"))
    recomputed.feed(back("streaming.orders", 1, b"{"))
    recomputed.feed(back("db_writer.documents", 1, b"{"))
    assert (recomputed.records, recomputed.refused) == (3, {(1, 5): Code.MISSING_FIELD})


def test_a_redriven_record_is_judged_by_its_first_time() -> None:
    """However much later it comes back; one that was late then counts where that is waived, and then only."""
    hour = 60 * MINUTE
    late = record(order(NOW - hour), 2)
    back = redriven(late, group="streaming.orders", later=hour)
    waived = redriven(late, group="streaming.orders", later=hour + 1)
    recomputed = Recomputation(orders())
    recomputed.feed(redriven(record(order(), 1), group="streaming.orders", later=hour))
    for one in (late, back):
        recomputed.feed(one)
    assert (list(rows(recomputed)), recomputed.refused) == (
        [(moment(START), moment(START + MINUTE), "a")],
        {(0, 2): Code.LATE},
    )
    recomputed.feed(waived._replace(headers=(*waived.headers, ("dlq_accept_time", b"true"))))
    assert len(rows(recomputed)) == 2
