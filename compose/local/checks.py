"""What `cauce doctor` looks at: each check is a function that finds nothing, or says what is wrong and what to do."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

import psutil

from compose.local.artifacts import Jar, read_lock, set_name, verify
from compose.local.errors import LocalStackError
from compose.local.java import OLDEST, installed_java
from compose.local.machine import INSTEAD, unfit
from compose.local.settings import LocalSettings

GIB = 1024**3
_ROOM_CACHE_BYTES = 2 * GIB
_ROOM_STATE_BYTES = 1 * GIB
_MEMORY_BYTES = 3 * GIB


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """`advice` is what to do, for a problem."""

    level: Level
    text: str
    advice: str = ""


def machine() -> Iterator[Finding]:
    """Python, the platform, memory."""
    yield Finding(Level.OK, f"Python {platform.python_version()} at `{sys.executable}`")
    if reason := unfit():
        yield Finding(Level.PROBLEM, reason, INSTEAD)
    memory = psutil.virtual_memory().available
    if memory < _MEMORY_BYTES:
        yield Finding(Level.PROBLEM, f"{memory / GIB:.1f} GiB of memory available, a fleet wants 3", "close something")


def free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


def disk(settings: LocalSettings, usage: Callable[[Path], int] = free_bytes) -> list[Finding]:
    """Room where the cache and the data go; `usage` returns free bytes."""
    wanted = {settings.cache_dir: _ROOM_CACHE_BYTES, settings.layout.root: _ROOM_STATE_BYTES}
    return [_room(path, usage(_existing(path)), bytes_wanted) for path, bytes_wanted in wanted.items()]


def _room(path: Path, free: int, wanted: int) -> Finding:
    text = f"{free / GIB:.1f} GiB free at `{path}`"
    if free >= wanted:
        return Finding(Level.OK, text)
    advice = "make room, or move it with CAUCE_CACHE_DIR or CAUCE_STATE_DIR; old data goes with: cauce down --wipe"
    return Finding(Level.PROBLEM, f"{text}, {wanted / GIB:.0f} are wanted", advice)


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def java(settings: LocalSettings, environment: Mapping[str, str]) -> Finding:
    """Whether there is a Java, or one will be fetched."""
    found = installed_java(environment)
    if found:
        return Finding(Level.OK, f"Java {found.version} at `{found.home}`")
    if list(settings.cache_dir.glob("jre-*")):
        return Finding(Level.OK, f"no Java {OLDEST}+ installed: the one in the cache is used")
    return Finding(Level.NOTE, f"no Java {OLDEST}+ in JAVA_HOME or on PATH: `cauce up` fetches one (35 MB)")


def cache(settings: LocalSettings) -> Iterator[Finding]:
    """Whether everything is fetched, and is what it should be."""
    present = {name: folder.is_dir() for name, folder in _jar_folders(settings).items()}
    present["mongod"] = bool(list(settings.cache_dir.glob("mongod-*")))
    missing = [name for name, there in present.items() if not there]
    if missing:
        yield Finding(Level.NOTE, f"not fetched yet: {', '.join(missing)}; `cauce up` does it")
        if not find_spec("pip") and not shutil.which("uv"):
            yield Finding(Level.PROBLEM, "neither pip nor uv is here to fetch MongoDB", "python -m ensurepip")
    yield from (problem for jar in read_lock() if present[jar.group] for problem in _jar_problem(settings, jar))


def _jar_problem(settings: LocalSettings, jar: Jar) -> Iterator[Finding]:
    if jar.group == "mariadb":
        return  # checked before it was unpacked, and not kept
    folder = _jar_folders(settings)[jar.group]
    try:
        verify(jar, folder / jar.filename)
    except LocalStackError as error:
        yield Finding(Level.PROBLEM, str(error), error.advice)
    except FileNotFoundError:
        yield Finding(Level.PROBLEM, f"`{folder / jar.filename}` is missing", f"rm -r {folder}, then: cauce up")


def _jar_folders(settings: LocalSettings) -> dict[str, Path]:
    jars = read_lock()
    groups = sorted({jar.group for jar in jars})
    return {name: settings.cache_dir / set_name(name, [jar for jar in jars if jar.group == name]) for name in groups}


def binaries(settings: LocalSettings) -> list[Finding]:
    """Whether the fetched programs run here at all: a library that they want may be missing."""
    programs = [
        *settings.cache_dir.glob("mongod-*/fiftyone/db/bin/mongod"),
        *settings.cache_dir.glob("mariadb-*/bin/mariadbd"),
    ]
    return [_runs(program) for program in programs]


def _runs(program: Path) -> Finding:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(Level.PROBLEM, f"{program.name} does not run: {error}", f"remove `{program}`, then: cauce up")
    if done.returncode:
        words = done.stderr.strip()[-300:]
        return Finding(Level.PROBLEM, f"{program.name} does not run: {words}", "install the library that it names")
    return Finding(Level.OK, f"{program.name} runs")
