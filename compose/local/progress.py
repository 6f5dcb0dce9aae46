"""Progress of a fetch, as a bar on a terminal and as one plain line per item elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn


class Fetching(Protocol):
    """Opened once per thing to fetch; yields a function to call with each number of bytes that arrived."""

    @contextmanager
    def item(self, description: str, total: int | None) -> Iterator[Callable[[int], None]]: ...


def ignore(_count: int) -> None:
    """For where nobody watches."""


class PlainFetching:
    """For logs: a line when a fetch begins."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def item(self, description: str, total: int | None) -> Iterator[Callable[[int], None]]:
        size = f" ({total / 1e6:.0f} MB)" if total else ""
        self._console.print(f"fetching {description}{size}")
        yield ignore


class BarFetching:
    """For a terminal: a bar that disappears when its fetch is done."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def item(self, description: str, total: int | None) -> Iterator[Callable[[int], None]]:
        columns = (
            TextColumn("fetching {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(description, total=total)
            yield lambda count: progress.advance(task, count)


def fetching_for(console: Console) -> Fetching:
    return BarFetching(console) if console.is_terminal else PlainFetching(console)
