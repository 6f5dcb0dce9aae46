"""The Pythons of this machine that Cauce supports, and an environment for each."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compose.local.cache import locked

ROOT = Path(__file__).resolve().parents[2]
LOCK_FILE = ROOT / "requirements" / "dev.lock"
OLDEST, NEWEST = (3, 11), (3, 13)
_ASK = "import os, sys; print(*sys.version_info[:3]); print(os.path.realpath(sys.executable))"
_ANSWER_SECONDS = 30


@dataclass(frozen=True, order=True)
class Interpreter:
    """`path` is the program itself: no link, no shim, no virtual environment's."""

    version: tuple[int, ...]
    path: Path

    @property
    def name(self) -> str:
        return ".".join(map(str, self.version))


def interpreters(environment: Mapping[str, str]) -> list[Interpreter]:
    """Each once, the oldest first: those on the PATH, pyenv's, and the system's."""
    found = {answer for candidate in _candidates(environment) if (answer := ask(candidate))}
    return sorted(one for one in found if OLDEST <= one.version[:2] <= NEWEST)


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    minors = range(OLDEST[1], NEWEST[1] + 1)
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        yield from (Path(folder, name) for name in ("python3", *(f"python3.{minor}" for minor in minors)))
    pyenv = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/*/bin/python3"))
    yield Path("/usr/bin/python3")


def ask(candidate: Path) -> Interpreter | None:
    """None where there is no Python that answers, as behind a shim of a version that isn't switched on."""
    if not os.access(candidate, os.X_OK):
        return None
    command = [str(candidate), "-I", "-c", _ASK]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS)
        version, path = done.stdout.splitlines()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Interpreter(tuple(map(int, version.split())), Path(path))


@contextmanager
def environment_of(interpreter: Interpreter, cache: Path) -> Iterator[Path]:
    """The python of a virtual environment with what the lock file names and this clone, for one run at a time.

    It stays in `cache`, and is made anew where the lock file has changed. Raises CalledProcessError where that fails.
    """
    key = f"{interpreter.path}\n{LOCK_FILE.read_text()}"
    folder = cache / f"{interpreter.name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    python, whole = folder / "bin" / "python", folder / "whole"
    with locked(cache / f".{folder.name}.lock"):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(interpreter.path, "-m", "venv", str(folder))
            _pip(python, "--use-pep517", "--no-deps", "--require-hashes", "-r", str(LOCK_FILE))
            whole.touch()
        _pip(python, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        yield python


def _pip(python: Path, *words: str) -> None:
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words)


def _run(python: Path, *words: str) -> None:
    subprocess.run([str(python), *words], check=True, cwd=ROOT, capture_output=True, text=True)
