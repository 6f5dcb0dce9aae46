"""`make test-elsewhere`: the tests as a stranger's machine would run them, a line for each condition.

Root makes a user for it, who is removed afterwards with all that is his; anybody else runs them as himself.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.everywhere.accounts import MARK, Account, end_processes, ordinary
from tests.everywhere.conditions import CONDITIONS, UNREADABLE, Place, plain, under
from tests.everywhere.outcome import Outcome, run

ROOT = Path(__file__).resolve().parents[2]
ALL, WHOLE = "all", "whole"
"""The unit half under all conditions at once, and `make test` under all of them."""
RUNS = {**{name: ([name], "test-units") for name in CONDITIONS}, ALL: (list(CONDITIONS), "test-units")}
RUNS |= {WHOLE: (list(CONDITIONS), "test")}
BY_ITSELF = [*CONDITIONS, WHOLE]


def main() -> None:
    """Ends with 1 where a test failed or a process outlived its run."""
    words = argparse.ArgumentParser(prog="make test-elsewhere")
    words.add_argument("--python", help="the interpreter; otherwise the first on the PATH that will do")
    words.add_argument("where", nargs="*", help=f"of {', '.join(RUNS)}; otherwise {', '.join(BY_ITSELF)}")
    given = words.parse_args()
    if unknown := set(given.where) - RUNS.keys():
        words.error(f"no condition `{min(unknown)}`: {', '.join(RUNS)}")
    # A finally runs for SIGTERM as it does for Ctrl-C: nothing may be left behind.
    signal.signal(signal.SIGTERM, _interrupt)
    make = [f"PYTHON={given.python}"] if given.python else []
    with ordinary() as account, _base(account) as base:
        good = [_tried(name, account, base, make) for name in given.where or BY_ITSELF]
    sys.exit(not all(good))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _base(account: Account) -> Iterator[Path]:
    """A folder for all that the runs need and write."""
    base = Path(tempfile.mkdtemp(prefix="cauce-elsewhere-"))
    try:
        account.owns(base)
        yield base
    finally:
        for folder in base.glob(UNREADABLE):
            folder.chmod(0o700)
        shutil.rmtree(base)


def _tried(name: str, account: Account, base: Path, make: list[str]) -> bool:
    conditions, target = RUNS[name]
    place = under(plain(base, account.name, os.environ), conditions)
    _prepare(place, account)
    mark = secrets.token_hex(8)
    how = {"cwd": place.clone, "env": {**place.environment, MARK: mark}, "umask": place.umask, **account.popen()}
    left: list[str] = []
    try:
        outcome = run(["make", target, *make], ROOT / "build" / "elsewhere" / f"{name}.log", **how)
    finally:
        left += end_processes(account, mark)
    return _told(name, outcome, left)


def _told(name: str, outcome: Outcome, left: list[str]) -> bool:
    print(*outcome.lines(name), *(f"    outlived the run: {process}" for process in left), sep="\n", flush=True)
    return outcome.good and not left


def _prepare(place: Place, account: Account) -> None:
    for folder in place.folders:
        folder.mkdir(exist_ok=True)
        account.owns(folder)
        folder.chmod(0o000 if folder.name == UNREADABLE else 0o700)
    if not place.clone.exists():
        _copy(place.clone)
        account.owns(place.base / place.clone.relative_to(place.base).parts[0])


def _copy(clone: Path) -> None:
    """The files that are under version control, as they are here now, and those that could be."""
    listed = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)


if __name__ == "__main__":
    main()
