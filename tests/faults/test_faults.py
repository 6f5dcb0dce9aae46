"""Every fault of the catalogue, and the random schedules, each in its turn in one world."""

from __future__ import annotations

import pytest

from tests.faults import schedules
from tests.faults.cases import Case, run
from tests.faults.catalogue import all_cases
from tests.faults.settings import FaultSettings
from tests.faults.world import World

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(420 + 3 * FaultSettings().outage_seconds, func_only=True)]

CASES = [
    pytest.param(case, id=case.name.replace(" ", "-"), marks=[] if case.quick else [pytest.mark.faults])
    for case in [*all_cases(), *schedules.cases()]
]
"""The quick ones run in `make test` too."""


@pytest.mark.parametrize("case", CASES)
async def test_fault(world: World, case: Case) -> None:
    """Every input is accounted for once, in order, and no older version is over a newer one."""
    await run(world, case)
