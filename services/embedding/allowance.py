"""What a server's headers say of how much it will take, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)

Headers = Mapping[str, str]


class Allowance(NamedTuple):
    """How much is granted in all, how much is left, and the seconds until all is there again, where they are told."""

    limit: float
    remaining: float
    reset: float | None


def allowance(headers: Headers, of: str) -> Allowance | None:
    """`of` is `tokens` or `requests`; None where the headers don't say, or say nonsense."""
    limit = _number(headers.get(f"x-ratelimit-limit-{of}"))
    remaining = _number(headers.get(f"x-ratelimit-remaining-{of}"))
    if limit is None or remaining is None or limit <= 0 or remaining < 0:
        return None
    return Allowance(limit, min(remaining, limit), duration(headers.get(f"x-ratelimit-reset-{of}")))


def retry_after(headers: Headers) -> float | None:
    """Seconds, from milliseconds, a number or an HTTP date; None where no header says."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    header = headers.get("retry-after")
    seconds = _number(header)
    if header is None or seconds is not None:
        return None if seconds is None else max(0.0, seconds)
    return _seconds_until(header)


def duration(text: str | None) -> float | None:
    """Seconds, from `6m0s`, `1h2m`, `1.5s`, `20ms` or a bare number of them; None for anything else."""
    if not text:
        return None
    bare = _number(text)
    if bare is not None:
        return bare if bare >= 0 else None
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    return sum(float(part) * seconds for part, seconds in zip(found.groups(), _SECONDS, strict=True) if part)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < float("inf") else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
