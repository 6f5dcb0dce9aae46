from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from services.embedding.allowance import Allowance, allowance, duration, retry_after

DURATIONS = {
    "6m0s": 360,
    "1s": 1,
    "20ms": 0.02,
    "1m2.5s": 62.5,
    "1h2m": 3720,
    "7m12s": 432,
    "1d1h": 90_000,
    "2.5": 2.5,
    "0": 0,
    "soon": None,
    "": None,
    "-1": None,
    "nan": None,
    None: None,
}


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_is_read_however_it_is_written(text: str | None) -> None:
    """Seconds of Go's notation or of a bare number; what says nothing is None."""
    assert duration(text) == (pytest.approx(DURATIONS[text]) if DURATIONS[text] is not None else None)


def test_an_allowance_needs_sensible_numbers() -> None:
    """Headers that are missing, no numbers, or -1 as some servers send it, tell nothing."""
    told = {
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "900",
        "x-ratelimit-reset-tokens": "6ms",
    }
    assert allowance(told, "tokens") == Allowance(1000, 900, 0.006)
    assert allowance(told, "requests") is None
    assert allowance({**told, "x-ratelimit-reset-tokens": "?"}, "tokens") == Allowance(1000, 900, None)
    for wrong in ("-1", "", "many", "inf"):
        assert allowance({**told, "x-ratelimit-limit-tokens": wrong}, "tokens") is None
        assert allowance({**told, "x-ratelimit-remaining-tokens": wrong}, "tokens") is None


def test_retry_after_is_seconds_or_a_date() -> None:
    """In seconds, with a fraction, in milliseconds, and as a date; what says nothing is None."""
    found = {value: retry_after({"retry-after": value}) for value in ("7", "1.5", "-3", "soon")}
    assert found == {"7": 7, "1.5": 1.5, "-3": 0, "soon": None}
    assert retry_after({}) is None
    assert retry_after({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 57 <= (retry_after({"retry-after": date}) or 0) <= 60
