from __future__ import annotations

from datetime import timedelta

import pytest

from shared.streams.units import (
    format_duration,
    format_size,
    milliseconds,
    name_duration,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("1h", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
    ],
)
def test_durations_are_read_and_written_alike(text: str, span: timedelta) -> None:
    """What is written is what was read, and milliseconds are whole."""
    assert parse_duration(text) == span
    assert format_duration(span) == text
    assert milliseconds(span) == span.total_seconds() * 1000


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5s", "1.5h", "5w", 5, None, "1h30m", "٥s"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    """The message shows how a duration is written."""
    with pytest.raises(ValueError, match="must be a number with a unit, such as `500ms`"):
        parse_duration(text)


def test_the_greatest_unit_that_divides_is_written() -> None:
    """Equal durations have one name, whichever way they were declared."""
    assert format_duration(timedelta(seconds=300)) == format_duration(timedelta(minutes=5)) == "5m"
    assert format_duration(timedelta(seconds=90)) == "90s"
    assert format_duration(timedelta(0)) == "0s"
    assert name_duration(timedelta(hours=24)) == "1day"
    assert name_duration(timedelta(minutes=5)) == "5min"
    assert name_duration(timedelta(seconds=90)) == "90sec"


@pytest.mark.parametrize(("text", "size"), [("17B", 17), ("512KiB", 512 * 1024), ("4MiB", 4 * 1024 * 1024)])
def test_sizes_are_read_and_written_alike(text: str, size: int) -> None:
    """A plain number is one of bytes."""
    assert parse_size(text) == parse_size(size) == size
    assert format_size(size) == text


@pytest.mark.parametrize("text", ["4MB", "MiB", "", True, 1.5, None])
def test_what_is_no_size_is_refused(text: object) -> None:
    """The message shows how a size is written."""
    with pytest.raises(ValueError, match="such as `512KiB` or `4MiB`"):
        parse_size(text)
