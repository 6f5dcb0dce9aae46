from __future__ import annotations

import pytest

from shared.errors import Code
from shared.streams.verdict import Accepted, Refused, judge_record
from tests.suites.verdicts import CASES, Case, streams


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case: Case) -> None:
    """Each case of the table is decided as it says, and an accepted event is read as it says."""
    verdict = judge_record(streams()[case.stream], case.record)
    if isinstance(case.expected, Code):
        assert isinstance(verdict, Refused)
        assert verdict.code is case.expected
    else:
        assert verdict == Accepted(case.expected, case.time or 0)


def test_every_case_has_its_name() -> None:
    """Names are unique, so that a failure names one case."""
    assert len({case.name for case in CASES}) == len(CASES)
