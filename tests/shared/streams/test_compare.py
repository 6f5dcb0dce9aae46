from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.errors import Code
from shared.streams.compare import EXAMPLES, Comparison, compare_letters, compare_readings, compare_rows
from shared.streams.recompute import CleanReading, Recomputation, Row, moment
from shared.streams.tables import window_table
from tests.shared.streams.samples import MINUTE, NOW, orders, record

STREAM = orders(readings={"collection": "orders_clean"})
WINDOW = STREAM.windows[0]
TABLE = window_table(STREAM, WINDOW)
KEPT = {0: range(10, 20)}


def recomputed_rows() -> list[Row]:
    recomputed = Recomputation(STREAM)
    for offset, (customer, at) in enumerate([("a", NOW), ("b", NOW), ("a", NOW - 25_000)]):
        value = json.dumps({"customer": customer, "items": 1, "at": at, "price": 0.1}).encode()
        recomputed.feed(record(value, offset))
    return list(recomputed.rows(WINDOW))


def cells(row: Row) -> tuple[Any, ...]:
    return (*row.key, *row.values)


def found(comparison: Comparison) -> list[tuple[str, object, object]]:
    return [(example.column, example.ours, example.stored) for example in comparison.examples]


def test_equal_rows_are_no_difference() -> None:
    """Whatever their order; and an average may differ in its last digits."""
    rows = recomputed_rows()
    stored = [cells(row) for row in reversed(rows)]
    *others, (*key, count, mean, items) = stored
    done = compare_rows(TABLE, rows, [*others, (*key, count, mean * (1 + 1e-12), items)], None)
    assert (done.compared, done.differing, done.older, done.examples) == (3, 0, 0, [])


def test_other_values_missing_rows_and_rows_too_many_are_differences() -> None:
    """Each row counts once, and each column is shown."""
    first, second, third = recomputed_rows()
    wrong = (*first.key, first.values[0] + 1, None, first.values[2])  # type: ignore[operator]
    surplus = (*second.key[:2], "nobody", 1, 1.0, 1)
    done = compare_rows(TABLE, [first, second, third], [wrong, cells(second), surplus], None)
    assert (done.compared, done.differing) == (4, 3)
    assert found(done) == [
        ("orders", 1, 2),
        ("mean", 0.1, None),
        ("", None, "1 | 1.0 | 1"),
        ("", "1 | 0.1 | 1", None),
    ]


def test_windows_older_than_the_topic_are_counted_by_themselves() -> None:
    """Neither what is stored of them nor what can still be computed is held against the other."""
    rows = recomputed_rows()
    start = moment(NOW - NOW % MINUTE)
    stored = [cells(row) for row in rows if row.key[0] == start] + [
        (moment(NOW - 9 * MINUTE), moment(NOW - 8 * MINUTE), "a", 7, 1.0, 7)
    ]
    done = compare_rows(TABLE, rows, stored, start)
    assert (done.compared, done.differing, done.older) == (2, 0, 1)


def test_examples_are_some_but_differences_are_all_counted() -> None:
    """A million differences don't fill the screen."""
    row = recomputed_rows()[0]
    stored = [(*row.key[:2], f"c{number}", 1, 1.0, 1) for number in range(100)]
    done = compare_rows(TABLE, [], stored, None)
    assert (done.differing, len(done.examples)) == (100, EXAMPLES)


def document(offset: int, **values: object) -> Mapping[str, Any]:
    position = f"orders-0-{offset}"
    return {"_id": position, "position": position, "_offset": offset, "customer": "a", "items": 1, **values}


def readings(*offsets: int) -> dict[str, CleanReading]:
    return {f"orders-0-{offset}": CleanReading(NOW, offset, ("a", None, 1)) for offset in offsets}


def compared(ours: dict[str, CleanReading], *stored: Mapping[str, Any]) -> Comparison:
    return compare_readings("orders_clean", ["customer", "price", "items"], ours, stored, KEPT)


def test_equal_readings_are_no_difference() -> None:
    """A field that is missing is null; 1 and 1.0 are one number."""
    done = compared(readings(10, 11), document(10, items=1.0), document(11, price=None))
    assert (done.compared, done.differing) == (2, 0)


def test_readings_that_differ() -> None:
    """Another value, one that should not be there, one that is missing; `true` is not 1."""
    done = compared(readings(10, 11, 12), document(10, items=True), document(11, price=2.5), document(13))
    assert (done.compared, done.differing) == (4, 4)
    assert [(column, stored) for column, _, stored in found(done)] == [
        ("items", True),
        ("price", 2.5),
        ("", document(13)),
        ("", None),
    ]


def test_readings_of_records_that_were_not_read_are_left_out() -> None:
    """Older ones are counted; newer ones came while we were reading."""
    done = compared(readings(10), document(9), document(10), document(20))
    assert (done.compared, done.differing, done.older) == (1, 0, 1)


def test_dead_letters() -> None:
    """Each refused record has one, with its code, and no other record has; what first stood where nothing is kept any
    more can't be compared."""
    ours = {(0, 10): Code.LATE, (0, 11): Code.FUTURE, (0, 12): Code.LATE, (0, 1): Code.LATE}
    stored = {(0, 10): "late", (0, 11): "late", (0, 13): "bug", (0, 5): "late", (0, 20): "late"}
    done = compare_letters("orders.dlq", ours, stored, KEPT)
    assert (done.compared, done.differing, done.older) == (4, 3, 1)
    assert found(done) == [("code", "future", "late"), ("code", "late", None), ("code", None, "bug")]
