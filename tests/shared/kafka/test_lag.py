from __future__ import annotations

from shared.kafka.lag import Lag, compute
from shared.kafka.records import Partition


def test_lag_is_what_lies_behind_the_commit() -> None:
    """Per group and topic: the records after the last commit, partitions without a commit counted whole."""
    kept = {Partition("a", 0): range(10), Partition("a", 1): range(5), Partition("b", 0): range(7)}
    committed = {"one": {Partition("a", 0): 4}, "two": {Partition("a", 0): 10, Partition("a", 1): 5}}
    assert compute(committed, kept) == [Lag("one", "a", 11), Lag("two", "a", 0)]


def test_a_group_that_never_committed_has_no_lag_to_show() -> None:
    """Of a group without commits nothing is known, and nothing is claimed."""
    assert compute({"one": {}}, {Partition("a", 0): range(10)}) == []


def test_no_commit_is_an_offset_of_minus_one() -> None:
    """The broker's -1 for a partition without a commit counts as the beginning."""
    assert compute({"one": {Partition("a", 0): -1}}, {Partition("a", 0): range(3)}) == [Lag("one", "a", 3)]


def test_what_retention_removed_is_no_lag() -> None:
    """Records that are gone can't be read by anybody, so they are not behind."""
    assert compute({"one": {Partition("a", 0): 110}}, {Partition("a", 0): range(111, 111)}) == [Lag("one", "a", 0)]
