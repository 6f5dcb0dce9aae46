from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.streams.declaration import Mode, Stream
from shared.streams.loading import load_streams
from shared.streams.plan import Kind, query_plans, slots
from shared.topics import DOCUMENTS_RAW
from tests.shared.streams.samples import orders

STREAMS = {stream.name: stream for stream in load_streams()}
SECOND = {
    "table": "orders_5m",
    "size": "5m",
    "group_by": ["customer"],
    "select": {"items": "sum(items)", "mean": "avg(price)", "orders": "count(*)"},
    "publish": "orders.out",
}


def with_second(**changes: Any) -> Stream:
    return orders(windows=[orders().canonical()["windows"][0], {**SECOND, **changes}])


def fingerprints(stream: Stream, partitions: int = 2, epoch: int = 1) -> dict[str, str]:
    return {plan.name: plan.fingerprint(partitions, epoch) for plan in query_plans(stream)}


def test_one_query_per_grouping() -> None:
    """Windows that differ only in their bounds share a query; another column, and they don't."""
    assert [plan.name for plan in query_plans(with_second())] == [
        "orders.clean",
        "orders.windows.orders_1m",
        "orders.published.orders_5m",
    ]
    other = query_plans(with_second(select={"orders": "count(*)"}))
    assert [len(plan.windows) for plan in other if plan.kind is Kind.WINDOWS] == [1, 1]


def test_the_shipped_ratings() -> None:
    """The two overall windows share a query, the films have their own, and what is published comes every 10 s."""
    plans = {plan.name: plan for plan in query_plans(STREAMS["ratings"])}
    assert set(plans) == {
        "ratings.clean",
        "ratings.windows.rating_metrics_1m",
        "ratings.windows.movie_metrics_1m",
        "ratings.published.rating_metrics_1m",
    }
    published = plans["ratings.published.rating_metrics_1m"]
    assert (published.mode, published.trigger) == (Mode.MICRO_BATCH, timedelta(seconds=10))
    assert not plans["ratings.clean"].stateful


def test_slots_are_those_of_all_that_runs_at_once() -> None:
    """In Real-Time Mode a slot for each partition read and each of the state; a micro-batch's stages take turns, files
    are written beside."""
    assert slots([orders()], 2) == 2 + (2 + 2)
    assert slots([orders(mode="micro_batch")], 3) == 3 + 3
    assert slots([], 2, [DOCUMENTS_RAW]) == 6


def test_a_watermark_outlasts_every_event_that_may_come() -> None:
    """Lateness, lead, skew and the window's own length; where no event is late, there is none."""
    (_, windows, _) = query_plans(with_second())
    assert windows.watermark() == timedelta(seconds=30 + 60 + 30 * 60 + 5 * 60)
    (_, backfill) = query_plans(orders(**{"event_time.lateness": "none"}))
    assert backfill.watermark() is None


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({"description": "other"}, set()),
        ({"windows.0.top": {"n": 9, "by": "orders"}}, set()),
        ({"windows.0.publish": "out"}, set()),
        ({"fields.price.maximum": 9.0}, set()),
        ({"windows.0.size": "2m"}, {"orders.windows.orders_1m"}),
        ({"windows.0.select.most": "max(price)"}, {"orders.windows.orders_1m"}),
        ({"fields.items.type": "long"}, {"orders.windows.orders_1m"}),
        ({"topic.name": "in"}, {"orders.clean", "orders.windows.orders_1m"}),
    ],
)
def test_a_checkpoint_follows_from_what_its_state_depends_on(changes: dict[str, Any], changed: set[str]) -> None:
    """What leaves the state as it is keeps the checkpoint; anything else begins a new one."""
    before, after = fingerprints(orders()), fingerprints(orders(**changes))
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_reset_and_another_partitioning_begin_anew() -> None:
    """The epoch is part of every checkpoint; the number of state partitions of those that have state."""
    before = fingerprints(orders())
    assert set(before.values()).isdisjoint(fingerprints(orders(), epoch=2).values())
    other = fingerprints(orders(), partitions=3)
    assert [name for name in before if before[name] != other[name]] == ["orders.windows.orders_1m"]
