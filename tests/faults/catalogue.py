"""All cases, in the order of the table; random schedules apart, whose number is a setting."""

from __future__ import annotations

from tests.faults import (
    broker_clock,
    clocks,
    crash_points,
    deployments,
    embedding_api,
    gateway,
    groups,
    network,
    redrives,
    replays,
    servers,
)
from tests.faults.cases import Case

MODULES = (
    crash_points,
    servers,
    network,
    gateway,
    groups,
    clocks,
    broker_clock,
    deployments,
    embedding_api,
    replays,
    redrives,
)


def all_cases() -> list[Case]:
    return [case for module in MODULES for case in module.cases()]
