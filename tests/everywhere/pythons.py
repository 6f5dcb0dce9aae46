"""`make test-pythons`: the tests that need no servers, on every supported Python of this machine, a line each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from compose.local.settings import LocalSettings
from tests.everywhere.interpreters import NEWEST, OLDEST, ROOT, Interpreter, environment_of, interpreters
from tests.everywhere.outcome import Outcome, run


def main(versions: str, *words: str) -> None:
    """`versions` are those to run on (`3.12 3.13.0`), all where there is none; `words` is what pytest takes.

    Ends with 1 where a test failed on one of them, or none was found.
    """
    found = [one for one in interpreters(os.environ) if not versions or _is_any(one, versions.split())]
    if not found:
        sys.exit(f"no Python was found of {versions or f'{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}'}")
    cache = LocalSettings().cache_dir / "pythons"
    good = [_tried(one, cache, words) for one in found]
    sys.exit(not all(good))


def _is_any(interpreter: Interpreter, versions: list[str]) -> bool:
    return any(f"{interpreter.name}.".startswith(f"{version}.") for version in versions)


def _tried(interpreter: Interpreter, cache: Path, words: tuple[str, ...]) -> bool:
    outcome = _outcome(interpreter, cache, words)
    print(*outcome.lines(f"Python {interpreter.name} ({interpreter.path})"), sep="\n", flush=True)
    return outcome.good


def _outcome(interpreter: Interpreter, cache: Path, words: tuple[str, ...]) -> Outcome:
    log = ROOT / "build" / "pythons" / f"{interpreter.name}.log"
    try:
        with environment_of(interpreter, cache) as python:
            return run([str(python), "-m", "pytest", *words], log, cwd=ROOT)
    except subprocess.CalledProcessError as error:
        said = f"{error.stdout}{error.stderr}".strip().splitlines()
        return Outcome(error.returncode, {}, 0.0, ("its environment can't be made:", *said[-5:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
