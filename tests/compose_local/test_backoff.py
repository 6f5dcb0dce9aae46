from __future__ import annotations

from compose.local.backoff import HEALTHY_AFTER_SECONDS, LONGEST_SECONDS, deaths_in_a_row, delay


def test_delays_double_up_to_a_ceiling() -> None:
    """Each death in a row waits twice as long, and never longer than the ceiling."""
    delays = [delay(deaths) for deaths in range(1, 9)]
    assert delays[:3] == [0.5, 1, 2]
    assert delays[-1] == delay(10_000) == LONGEST_SECONDS


def test_a_long_life_forgives() -> None:
    """A process that had lived for a while is started again quickly."""
    assert deaths_in_a_row(7, HEALTHY_AFTER_SECONDS) == 1
    assert deaths_in_a_row(7, 1.0) == 8
