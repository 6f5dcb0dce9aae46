from __future__ import annotations

from tests.everywhere.outcome import read

TWO_RUNS = """\
FAILED tests/a.py::test_one - assert 1 == 2
==== 1 failed, 11 passed, 2 skipped, 1 error in 320.72s (0:05:20) ====
30 passed in 5.00s
make: *** [Makefile:60: test] Error 1
"""


def test_counts_are_of_all_runs() -> None:
    """`make test` has two runs of pytest; what failed is named below the line."""
    outcome = read(TWO_RUNS, 2, 400.4)
    assert list(outcome.lines("umask")) == [
        "umask: 41 passed, 2 failed, 2 skipped, 400 s: FAILED (exit code 2)",
        "    FAILED tests/a.py::test_one - assert 1 == 2",
        "    make: *** [Makefile:60: test] Error 1",
    ]


def test_nothing_run_is_no_success() -> None:
    """An exit code of 0 alone shows nothing."""
    assert read("5 passed in 0.10s", 0, 1.0).good
    assert not read("no tests ran in 0.10s", 0, 1.0).good


def test_what_ends_before_any_test_shows_its_last_lines() -> None:
    """As where lint or the environment fails."""
    assert read("a\nruff: b\n", 1, 1.0).names == ("a", "ruff: b")
