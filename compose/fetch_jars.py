"""`python -m compose.fetch_jars SET FOLDER [REPOSITORY]`: one set of the jars in jars.lock, for building an image."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from compose.local.artifacts import read_lock
from compose.local.errors import LocalStackError
from compose.local.jars import fetch
from compose.local.progress import PlainFetching
from compose.local.settings import LocalSettings


def main(name: str, folder: str, repository: str | None = None) -> None:
    """Exit code 1, with the reason, where a jar can't be fetched or isn't the one that the lock file names."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    jars = [jar for jar in read_lock() if jar.group == name]
    try:
        fetch(jars, Path(folder), LocalSettings(maven_repository=repository), PlainFetching(Console()))
    except LocalStackError as error:
        sys.exit(f"{error}: {error.advice}" if error.advice else str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
