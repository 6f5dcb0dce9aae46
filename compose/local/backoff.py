"""How long to wait before a process that died is started again."""

from __future__ import annotations

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0
HOPELESS_AFTER_DEATHS = 5


def delay(deaths: int) -> float:
    """Seconds to wait after the given number (1, 2, …) of deaths in a row: doubling, with a ceiling."""
    return float(min(FIRST_SECONDS * 2 ** min(deaths - 1, 20), LONGEST_SECONDS))


def deaths_in_a_row(before: int, lived_seconds: float) -> int:
    """The count after one more death; a process that had lived for a minute starts from one again."""
    return 1 if lived_seconds >= HEALTHY_AFTER_SECONDS else before + 1
