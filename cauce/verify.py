"""`cauce verify`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cauce.cluster import cluster, declared_streams, stores, stream_named
from cauce.console import err, out, say
from compose.local.stored import Stores
from shared.kafka.client import Connection
from shared.streams.compare import Comparison, compare_letters, compare_readings, compare_rows
from shared.streams.declaration import Stream
from shared.streams.floor import floor
from shared.streams.recompute import moment
from shared.streams.replay import Replay
from shared.streams.tables import window_table

_SHOWN = 60


@dataclass(frozen=True)
class Verified:
    """What was read of a stream, and how it compares with what is stored."""

    stream: str
    records: int
    refused: int
    comparisons: list[Comparison]

    @property
    def differing(self) -> int:
        return sum(comparison.differing for comparison in self.comparisons)


def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[STREAM…]", help="All of them where none is named.")] = (
        None
    ),
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Compare again for so long until there are 0 differences.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compute every window anew from the raw topics, without Spark, and compare with what is stored.

    Window rows are compared with MySQL, clean readings with MongoDB, and each refused record with its dead letter.
    Windows of which retention has removed a part can't be compared: they are counted as older than the topic. While
    events are still on their way they are differences: give them time with --wait. Ends with 1 on any difference.

    \b
    cauce verify
    cauce verify ratings --wait 60
    cauce verify --json | jq '.differences'
    """
    streams = [stream_named(name) for name in names] if names else list(declared_streams())
    connection, _ = cluster()
    results = asyncio.run(_verify_all(connection, stores(), streams, wait))
    differing = sum(result.differing for result in results)
    if as_json:
        out.print_json(as_document(results))
    else:
        for result in results:
            show(result)
        say(f"{differing} differences")
    if differing:
        raise typer.Exit(1)


async def _verify_all(connection: Connection, where: Stores, streams: Sequence[Stream], wait: float) -> list[Verified]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    results = []
    for stream in streams:
        replay = Replay(connection, stream)
        while (result := await examine(replay, connection, where)).differing and loop.time() < deadline:  # noqa: ASYNC110 what is awaited is other processes' work
            await asyncio.sleep(1)
        results.append(result)
    return results


async def examine(replay: Replay, connection: Connection, where: Stores) -> Verified:
    """Read on to the end as it is now, and compare. Raises Transient, LocalStackError."""
    stream = replay.stream
    with _progress() as progress:
        task = progress.add_task(stream.name, total=None)
        await replay.catch_up(lambda done, total: progress.update(task, completed=done, total=total))
    since = await floor(connection, stream)
    comparisons = await asyncio.to_thread(_compare, replay, where, since)
    return Verified(stream.name, replay.recomputed.records, len(replay.recomputed.refused), comparisons)


def _progress() -> Progress:
    columns = (TextColumn("reading {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _compare(replay: Replay, where: Stores, since: int | None) -> list[Comparison]:
    stream, recomputed = replay.stream, replay.recomputed
    begin = None if since is None else moment(since)
    found = []
    for window in stream.windows:
        table = window_table(stream, window)
        found.append(compare_rows(table, recomputed.rows(window), where.rows(table), begin))
    if stream.readings is not None:
        name = stream.readings.collection
        stored = where.readings(name)
        found.append(compare_readings(name, list(stream.fields), recomputed.readings, stored, replay.kept))
    letters = compare_letters(replay.topic.dlq.name, recomputed.refused, replay.letters, replay.kept)
    return [*found, letters]


def show(result: Verified) -> None:
    """A line for each comparison, then a table of the first differences."""
    accepted = result.records - result.refused
    say(f"{result.stream}: {result.records} records, {accepted} accepted, {result.refused} refused")
    for comparison in result.comparisons:
        older = f", {comparison.older} older than the topic" if comparison.older else ""
        told = f"{comparison.compared} {comparison.what} compared, {comparison.differing} differ{older}"
        say(f"  {comparison.name}: {told}")
        if comparison.examples:
            out.print(differences_table(comparison))


def differences_table(comparison: Comparison) -> Table:
    table = Table("key", "column", "computed", "stored", box=None, pad_edge=False)
    for difference in comparison.examples:
        cells = (difference.key, difference.column or "all", _cell(difference.ours), _cell(difference.stored))
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    return table


def _cell(value: object) -> str:
    return "none" if value is None else str(value)[:_SHOWN]


def as_document(results: Sequence[Verified]) -> str:
    streams = [dataclasses.asdict(result) for result in results]
    return json.dumps({"differences": sum(result.differing for result in results), "streams": streams}, default=str)
