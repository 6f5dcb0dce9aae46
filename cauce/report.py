"""`cauce report`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer

from cauce.console import out
from compose.local.java import find_java
from compose.local.progress import fetching_for
from compose.local.settings import ROOT, LocalSettings

app = typer.Typer(help="Reports from the archive, as Spark batch jobs.", no_args_is_help=True)


@app.callback()
def report() -> None:
    """Reports from the archive, as Spark batch jobs."""


@app.command()
def daily(
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day, in UTC; yesterday by default.")
    ] = None,
    archive: Annotated[
        str | None,
        typer.Option(envvar="CAUCE_ARCHIVE_URL", help="A folder or a URL; by default this folder's fleet's."),
    ] = None,
    output: Annotated[str | None, typer.Option(help="A folder or a URL; by default `reports` in the archive.")] = None,
) -> None:
    """Count each document's chunks of one day: Parquet in `<output>/daily_chunks/date=<day>`.

    A day may be done again: only its own folder is replaced. A day without chunks writes nothing and ends with 0.

    \b
    cauce report daily
    cauce report daily --date 2026-11-21
    cauce report daily --archive hdfs://namenode:8020/cauce --output file:///srv/reports
    """
    settings = LocalSettings()
    words = ["--archive", archive or f"file://{settings.layout.archive}"]
    words += ["--date", f"{date:%Y-%m-%d}"] if date else []
    words += ["--output", output] if output else []
    command = [sys.executable, "-P", "-m", "streaming.report", *words]
    done = subprocess.run(command, env=environment(os.environ, settings), check=False)
    if done.returncode:
        raise typer.Exit(1)


def environment(inherited: Mapping[str, str], settings: LocalSettings) -> dict[str, str]:
    """With a Java, fetched where there is none; and our code's place, since relative paths are seen from here."""
    java = find_java(inherited, settings, fetching_for(out))
    python_path = os.pathsep.join(filter(None, [str(ROOT), inherited.get("PYTHONPATH")]))
    return {"CAUCE_LOG_FORMAT": "console", **inherited, "PYTHONPATH": python_path, "JAVA_HOME": str(java.home)}
