"""The list of safeguards is in step with the code; `make test-mutants` removes each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.safeguards import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.safeguard)
def test_each_safeguard_stands_where_the_list_says(mutant: Mutant) -> None:
    """What is to be removed is there, once."""
    assert (ROOT / mutant.file).read_text().count(mutant.before) == 1
