from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.dead_letters.views import ago, moment

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_times_as_people_write_them() -> None:
    """A time with its zone, one without, which is in UTC, or how long ago."""
    assert moment("2026-01-02T03:04:05Z") == moment("2026-01-02T04:04:05+01:00") == moment("2026-01-02T03:04:05") == NOW
    assert timedelta(minutes=89) < datetime.now(UTC) - moment("90m") < timedelta(minutes=91)
    for bad in ("yesterday", "", "9", "0001-01-01T00:00:00+14:00", "999999999d"):
        with pytest.raises(ValueError, match="how long ago"):
            moment(bad)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=5, seconds=9), "5m"),
        (timedelta(hours=3, minutes=5), "3h"),
        (timedelta(days=2, hours=3), "2d"),
    ],
)
def test_how_long_ago(span: timedelta, text: str) -> None:
    """In the unit that says most."""
    assert ago(NOW - span, NOW) == text
