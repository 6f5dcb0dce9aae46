from __future__ import annotations

import pytest

from shared.streams.expressions import Aggregate, Function, parse_aggregate, parse_template


@pytest.mark.parametrize(
    ("text", "aggregate"),
    [
        ("count(*)", Aggregate(Function.COUNT)),
        (" avg( rating ) ", Aggregate(Function.AVG, ("rating",))),
        ("count_distinct(a,b)", Aggregate(Function.COUNT_DISTINCT, ("a", "b"))),
        ("min(x_1)", Aggregate(Function.MIN, ("x_1",))),
    ],
)
def test_aggregates(text: str, aggregate: Aggregate) -> None:
    """A function with the fields that it takes; spaces don't matter."""
    assert parse_aggregate(text) == aggregate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("median(x)", "is no aggregate: write one of `count"),
        ("count", "is no aggregate"),
        ("avg(sum(x))", "is no aggregate"),
        ("count(x)", r"write `count\(\*\)`"),
        ("avg(*)", r"must name a field: write `avg\(FIELD\)`"),
        ("avg()", "must name a field"),
        ("avg(a; drop table b)", "must name a field"),
        ("sum(a, b)", "`sum` takes one field"),
    ],
)
def test_what_is_no_aggregate_is_refused(text: str, message: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(ValueError, match=message):
        parse_aggregate(text)


def test_what_only_grows() -> None:
    """A count can order the versions of a row; an average can't."""
    assert {function for function in Function if Aggregate(function).grows} == {
        Function.COUNT,
        Function.COUNT_DISTINCT,
    }


def test_templates() -> None:
    """Text and fields in turns; a template of one field has that field's type."""
    assert parse_template("S{season}").parts == ((False, "S"), (True, "season"))
    assert parse_template("S{season}E{episode}").fields == ("season", "episode")
    assert parse_template("{season}").alone == "season"
    assert parse_template("S{season}").alone is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("S", "names no field: write `{S}`"), ("", "write `{field}`"), ("S{}", "a brace"), ("{a}}", "a brace")],
)
def test_what_is_no_template_is_refused(text: str, message: str) -> None:
    """A text without a field would put all events into one group; a stray brace is a mistake."""
    with pytest.raises(ValueError, match=message):
        parse_template(text)
