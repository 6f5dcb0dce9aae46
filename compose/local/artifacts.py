"""The jars that the local stack may use, each with the checksum that it must have."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compose.local.errors import LocalStackError

LOCK_FILE = Path(__file__).with_name("jars.sha256")


@dataclass(frozen=True)
class Jar:
    """One line of jars.sha256: which set of jars it belongs to, exact Maven coordinates, checksum, size in bytes."""

    group: str
    coordinate: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def line(self) -> str:
        return f"{self.sha256} {self.size} {self.group} {self.coordinate}"


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """Read the lock file; raises LocalStackError naming the line that is not `sha256 size group coordinate`."""
    lines = enumerate(path.read_text().splitlines(), start=1)
    return [_parse(path, number, line) for number, line in lines if line.strip() and not line.startswith("#")]


def _parse(path: Path, number: int, line: str) -> Jar:
    try:
        sha256, size, group, coordinate = line.split()
        return Jar(group, coordinate, sha256, int(size))
    except ValueError as error:
        raise LocalStackError(f"{path.name} line {number} cannot be read: {error}") from error


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(jar: Jar, path: Path) -> None:
    """Raise LocalStackError unless the file at `path` is exactly the jar that the lock file names."""
    found = digest(path)
    if found != jar.sha256:
        raise LocalStackError(
            f"{jar.coordinate} is not the file that is expected: sha256 `{found}` instead of `{jar.sha256}`",
            advice=f"remove `{path.parent}` and start again; if it stays so, do not use what your mirror serves",
        )


def set_name(name: str, jars: Iterable[Jar]) -> str:
    """A folder name for these jars that changes with any of them, so that versions never mix on a class path."""
    content = "\n".join(sorted(jar.line() for jar in jars))
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
