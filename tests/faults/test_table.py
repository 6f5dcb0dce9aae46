"""The table of faults, and the schedules that a seed makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import table
from tests.faults.catalogue import all_cases
from tests.faults.results import VARIABLE, Row, read, record
from tests.faults.schedules import schedule


def test_every_case_is_a_row_of_its_own() -> None:
    """No two cases share kind, part and fault: one would hide that the other never ran."""
    names = [(case.kind, case.part, case.fault) for case in all_cases()]
    assert len(set(names)) == len(names)


def test_rows_come_from_what_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that wasn't caused is told as missing; one that was is in the table, held or broken."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "results.json"))
    first, second, *others = all_cases()
    record(Row(first.kind, first.part, first.fault, first.expected, "all of it", held=True))
    record(Row(second.kind, second.part, second.fault, second.expected, "half of it", held=True))
    record(Row(second.kind, second.part, second.fault, second.expected, "half of it", held=False))
    rows = read(tmp_path / "results.json")
    assert len(rows) == 2
    assert len(table.missing(rows)) == len(others)
    assert "| held |" in table.text(rows)
    assert "| **broken** |" in table.text(rows)


def test_a_seed_makes_its_schedule_again() -> None:
    """The same seed gives the same steps, another gives others."""
    assert [str(step) for step in schedule(7)] == [str(step) for step in schedule(7)]
    assert [str(step) for step in schedule(7)] != [str(step) for step in schedule(8)]
