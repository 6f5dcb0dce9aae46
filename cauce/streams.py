"""`cauce streams`."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cauce.cluster import cluster, declared_streams, stream_named
from cauce.console import out, say
from compose.local.errors import LocalStackError
from shared.settings import CommonSettings, load
from shared.streams import applying
from shared.streams.declaration import Stream
from shared.streams.explain import explain, overview
from shared.streams.loading import DEFAULT_FOLDER, BadDeclaration, load_stream, load_streams
from shared.streams.schema import schema

app = typer.Typer(help="Look at the declared streams, and check what you declare.", no_args_is_help=True)


@app.command()
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE…|FOLDER]", help="By default the folder of declarations.")
    ] = None,
) -> None:
    """Check declarations: every problem with its file, line and field. Ends with 1 where there is one.

    A folder is also checked for names that two of its files would both write to.

    \b
    cauce streams check
    cauce streams check streams/orders.yaml
    """
    problems: list[str] = []
    for path in paths or [load(CommonSettings).streams_dir or DEFAULT_FOLDER]:
        try:
            for stream in _loaded(path):
                say(f"ok: {stream.name}: {_found(stream)}")
        except BadDeclaration as error:
            problems += error.problems
    for problem in problems:
        say(problem)
    if problems:
        say(f"{len(problems)} problem{'s' * (len(problems) > 1)}")
        raise typer.Exit(1)


def _loaded(path: Path) -> tuple[Stream, ...]:
    if not path.exists():
        raise LocalStackError(f"there is no `{path}`")
    return load_streams(path) if path.is_dir() else (load_stream(path),)


def _found(stream: Stream) -> str:
    def many(count: int, what: str) -> str:
        return f"{count} {what}{'s' * (count != 1)}"

    readings = f", readings in `{stream.readings.collection}`" if stream.readings else ""
    counted = f"{many(len(stream.fields), 'field')}, {many(len(stream.windows), 'window')}"
    return f"topic `{stream.topic_name}`, {counted}{readings}"


@app.command(name="list")
def list_streams() -> None:
    """Show the declared streams.

    \b
    cauce streams list
    """
    table = Table("stream", "topic", "mode", "writes", "", box=None, pad_edge=False)
    for row in overview(declared_streams()):
        table.add_row(*row)
    out.print(table)


@app.command(name="explain")
def explain_stream(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a stream; or a file that isn't in the folder yet.")],
    *,
    epoch: Annotated[int, typer.Option(min=1, help="Raised by each reset; part of the checkpoints' names.")] = 1,
    shuffle_partitions: Annotated[
        int, typer.Option(min=1, envvar="CAUCE_STREAMING_SHUFFLE_PARTITIONS", help="Of each query's state.")
    ] = 2,
) -> None:
    """Show what follows from a declaration: topics, rules, endpoints, Spark's queries, tables, and an example.

    \b
    cauce streams explain ratings
    cauce streams explain drafts/orders.yaml
    """
    path = Path(name)
    stream = load_stream(path) if path.is_file() else stream_named(name)
    now = int(time.time() * 1000)
    for line in explain(stream, shuffle_partitions=shuffle_partitions, epoch=epoch, now=now):
        say(line)


@app.command(name="schema")
def print_schema() -> None:
    """Print the JSON Schema of a declaration, by which editors complete and check.

    A file that begins with `# yaml-language-server: $schema=schema.json` finds the one in `streams/`.

    \b
    cauce streams schema > streams/schema.json
    """
    sys.stdout.write(schema())


@app.command()
def reset(
    name: Annotated[str, typer.Argument(metavar="STREAM")],
    reason: Annotated[str | None, typer.Option(help="Kept beside the new epoch, for whoever asks later.")] = None,
) -> None:
    """Compute one stream anew from what its topic still holds, under its declaration of now.

    The other streams run on. Each row is replaced at once and whole; rows that only the old epoch had go when all are
    there; windows that the topic has lost records of stay as they are.

    \b
    cauce streams reset ratings --reason "lateness was too short"
    """
    connection, _ = cluster()
    record = asyncio.run(applying.reset(connection, declared_streams(), name, reason))
    say(f"{record.stream}: epoch {record.epoch} begins; see it finish: cauce verify {record.stream} --wait 300")
