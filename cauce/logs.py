"""`cauce logs`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cauce.console import say
from compose.local.errors import LocalStackError
from compose.local.processes import tail
from compose.local.settings import LocalSettings


def logs(
    service: Annotated[str, typer.Argument(help="A process (docproc-1), or a service with all of its processes.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines to begin with.")] = 50,
) -> None:
    """Show what a process has written, while it runs and afterwards.

    \b
    cauce logs docproc
    cauce logs kafka -n 200
    cauce logs db_writer -f
    """
    files = find_logs(LocalSettings().layout.logs, service)
    for file in files:
        for line in tail(file, lines):
            say(label(file, files) + line)
    if follow:
        _follow(files)


def find_logs(folder: Path, service: str) -> list[Path]:
    """The log files of a process or service. Raises LocalStackError that lists what there is."""
    known = sorted(folder.glob("*.log"))
    found = [file for file in known if file.stem == service or file.stem.rsplit("-", 1)[0] == service]
    if not found:
        names = ", ".join(file.stem for file in known) or "none yet: start a fleet with `cauce up`"
        raise LocalStackError(f"no log of `{service}`", advice=f"there are: {names}")
    return found


def label(file: Path, files: list[Path]) -> str:
    """Names the process where lines of several are mixed."""
    return f"{file.stem} | " if len(files) > 1 else ""


def _follow(files: list[Path]) -> None:
    opened = [(file, file.open("rb")) for file in files]
    for _, stream in opened:
        stream.seek(0, 2)
    try:
        while True:
            for file, stream in opened:
                _print_new(stream, label(file, files))
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    finally:
        for _, stream in opened:
            stream.close()


def _print_new(stream: BinaryIO, prefix: str) -> None:
    for line in stream:
        say(prefix + line.decode(errors="replace").rstrip("\n"))
