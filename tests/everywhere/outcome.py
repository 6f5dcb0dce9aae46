"""What runs of pytest came to, read off what they printed."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SUMMARY = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [0-9.]+s\b.*$", re.MULTILINE)
_BAD = re.compile(r"^(?:FAILED|ERROR) .*$|^make: \*\*\* .*$", re.MULTILINE)
_MOST_NAMED = 20
_LAST_LINES = 15


@dataclass(frozen=True)
class Outcome:
    """`counts` sums up the runs of pytest there were. `good`: it ended with 0, and some test passed."""

    code: int
    counts: Mapping[str, int]
    seconds: float
    names: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.code == 0 and self.counts.get("passed", 0) > 0

    def lines(self, name: str) -> Iterator[str]:
        """One, and where it is no good what failed below it."""
        counts = self.counts
        failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
        said = f"{counts.get('passed', 0)} passed, {failed} failed, {counts.get('skipped', 0)} skipped"
        yield f"{name}: {said}, {self.seconds:.0f} s{'' if self.good else f': FAILED (exit code {self.code})'}"
        yield from (f"    {each}" for each in self.names)


def run(command: Sequence[str], log: Path, **how: Any) -> Outcome:
    """Runs it to its end. `log` takes what it prints; `how` is what subprocess.Popen takes besides.

    It is asked to end where this call is interrupted.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **how)
        try:
            code = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    return read(log.read_text(errors="replace"), code, time.monotonic() - began)


def read(text: str, code: int, seconds: float) -> Outcome:
    """Names what failed where `code` isn't 0: the tests, or else the last lines."""
    counts: dict[str, int] = {}
    for found in _SUMMARY.finditer(text):
        for part in found[1].split(", "):
            number, _, kind = part.partition(" ")
            counts[kind] = counts.get(kind, 0) + int(number)
    bad = [found[0] for found in _BAD.finditer(text)] if code else []
    if code and not any(name.startswith(("FAILED", "ERROR")) for name in bad):
        bad = text.splitlines()[-_LAST_LINES:]
    return Outcome(code, counts, seconds, tuple(bad[:_MOST_NAMED]))
