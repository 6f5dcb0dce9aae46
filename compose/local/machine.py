"""Which machines the fleet runs on as plain processes, and what others do instead."""

from __future__ import annotations

import platform

from compose.local.errors import LocalStackError

SYSTEM, PROCESSOR = "Linux", "x86_64"
INSTEAD = (
    "start it with Docker instead: python3 compose/new_key.py demo >> compose/.env; "
    "docker compose -f compose/compose.yaml up --build"
)
_SAME = {"amd64": "x86_64"}
"""Other names of processors."""


def unfit(system: str | None = None, processor: str | None = None) -> str | None:
    """Why this machine (or the one that is named, as `platform` names it) can't run it; None where it can."""
    system = platform.system() if system is None else system
    processor = (platform.machine() if processor is None else processor).lower()
    if (system, _SAME.get(processor, processor)) == (SYSTEM, PROCESSOR):
        return None
    return f"the fleet as plain processes is for Linux on x86-64, and this is {system} on {processor}"


def require_fit() -> None:
    """Raises LocalStackError where nothing that would be fetched could run here."""
    if reason := unfit():
        raise LocalStackError(reason, advice=INSTEAD)
