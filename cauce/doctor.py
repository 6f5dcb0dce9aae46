"""`cauce doctor`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import typer
from rich.text import Text

from cauce.console import out, say
from compose.local import checks, fleet_checks
from compose.local.checks import Finding, Level
from compose.local.settings import LocalSettings

_MARKS = {Level.OK: ("ok      ", "green"), Level.NOTE: ("note    ", "yellow"), Level.PROBLEM: ("problem ", "bold red")}


def doctor() -> None:
    """Find out what is wrong and say what to do: machine, disk, Java, the cache, the fleet of this folder, its ports.

    Changes nothing. Ends with 1 where there is a problem.
    """
    problems = 0
    for finding in examine(LocalSettings()):
        problems += finding.level is Level.PROBLEM
        mark, style = _MARKS[finding.level]
        out.print(Text.assemble((mark, style), finding.text), soft_wrap=True)
        if finding.advice:
            out.print(Text.assemble(("  try:  ", "bold"), finding.advice), soft_wrap=True)
    say(f"\n{problems} problem{'s' * (problems != 1)}" if problems else "\nnothing is wrong")
    if problems:
        raise typer.Exit(1)


def examine(settings: LocalSettings) -> Iterator[Finding]:
    """Every check in the order in which things are needed; each starts when the one before was shown."""
    yield from checks.machine()
    yield from checks.disk(settings)
    yield checks.java(settings, os.environ)
    yield from checks.cache(settings)
    yield from checks.binaries(settings)
    yield from fleet_checks.fleet(settings.layout)
