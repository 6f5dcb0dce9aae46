from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from services.db_writer.rows import Row, Shape, checked, newest
from shared.contracts.metrics import MetricRow
from shared.errors import Code, Permanent
from shared.tables import Column, WindowTable

TABLE = WindowTable(
    name="t",
    key=(Column("window_start", "DATETIME(3) NOT NULL"), Column("label", "VARCHAR(5) NOT NULL")),
    values=(Column("events", "BIGINT NOT NULL"), Column("mean", "DOUBLE NULL")),
    count="events",
)
SHAPES = {"t": Shape(TABLE)}
GOOD = {"window_start": "2026-01-02T03:04:00.000Z", "label": "a", "events": 3, "mean": 1.5}


def row(epoch: int = 1, **cells: Any) -> Row:
    event = {"_table_name": "t", "_epoch": epoch, **GOOD, **cells}
    return checked(MetricRow.model_validate_json(json.dumps(event)), SHAPES)


def test_values_are_in_the_order_of_the_declaration() -> None:
    """Times become UTC without a zone, to the millisecond; numbers and texts stay as they are."""
    found = row(window_start="2026-01-02T04:04:00.123456+01:00")
    assert found.values == (datetime(2026, 1, 2, 3, 4, 0, 123000), "a", 3, 1.5)  # noqa: DTZ001 as DATETIME has it
    assert found.version == (1, 3)


def test_what_may_be_null_may_be_null() -> None:
    """Null, or nothing at all, is a value for the columns that aren't declared NOT NULL."""
    assert row(mean=None).values[-1] is None
    cells = {name: cell for name, cell in GOOD.items() if name != "mean"}
    event = MetricRow.model_validate({"_table_name": "t", "_epoch": 1, **cells})
    assert checked(event, SHAPES).values == row(mean=None).values


def test_truth_is_a_number() -> None:
    """MySQL has no booleans of its own: true is 1, false is 0."""
    assert [row(events=truth).values[2] for truth in (True, False)] == [1, 0]


def test_fields_with_an_underscore_are_no_columns() -> None:
    """A later writer may add `_` fields without breaking this reader."""
    assert row(_note="x").values == row().values


BAD: dict[str, dict[str, Any]] = {
    "text for a time": {"window_start": "yesterday"},
    "a time without a zone": {"window_start": "2026-01-02T03:04:00"},
    "a number for a time": {"window_start": 1_767_323_046_000},
    "a time before MySQL's first": {"window_start": "0001-01-01T00:00:00Z"},
    "a text too long": {"label": "abcdef"},
    "a number for a text": {"label": 5},
    "a fraction for a whole number": {"events": 2.5},
    "text for a number": {"events": "3"},
    "a whole number too large": {"events": 2**63},
    "null where it is not allowed": {"events": None},
    "an infinite number": {"mean": float("inf")},
    "not a number": {"mean": float("nan")},
    "a number beyond a double": {"mean": 10**400},
    "a column that is not declared": {"oops`": 1},
}


@pytest.mark.parametrize("name", BAD)
def test_other_values_are_refused(name: str) -> None:
    """A cell that its column can't hold makes the record a dead letter, naming the column."""
    with pytest.raises(Permanent, match=next(iter(BAD[name]))) as caught:
        row(**BAD[name])
    assert caught.value.code is Code.STORE_REJECTED


def test_a_missing_column_is_refused() -> None:
    """A row must have every declared column that can't be null."""
    event = MetricRow.model_validate({"_table_name": "t", "_epoch": 1, "label": "a", "mean": 1})
    with pytest.raises(Permanent, match="missing: `events`, `window_start`"):
        checked(event, SHAPES)


def test_an_undeclared_table_is_refused() -> None:
    """A message can't name a table of its own choosing."""
    event = MetricRow.model_validate({"_table_name": "mysql.user", "_epoch": 1, **GOOD})
    with pytest.raises(Permanent) as caught:
        checked(event, SHAPES)
    assert caught.value.code is Code.UNKNOWN_TABLE


def test_of_one_key_the_greatest_epoch_then_count_stays() -> None:
    """Folding keeps one row per key whatever the order, and of equal versions the last."""
    low, high, reset = row(events=3), row(events=9), row(epoch=2, events=1)
    assert newest([low, high]) == newest([high, low]) == [high]
    assert newest([reset, high]) == newest([high, reset]) == [reset]
    again = row(events=9, mean=2.0)
    assert newest([high, again]) == [again]


def test_rows_are_sorted_by_key() -> None:
    """All writers take their locks in one order."""
    labels = [found.key[1] for found in newest([row(label="c"), row(label="a"), row(label="b")])]
    assert labels == ["a", "b", "c"]
