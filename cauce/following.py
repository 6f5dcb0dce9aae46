"""Uploading files and following each through the stages, on a terminal as a table, elsewhere as lines."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.live import Live
from rich.table import Table

from cauce.console import out, say
from cauce.gateway import Accepted, Gateway, Progress
from compose.local.errors import LocalStackError
from shared.contracts.documents import Counts, Stage, State

FINAL = (State.COMPLETE, State.FAILED, State.SUPERSEDED, State.DELETED)
_STAGES = [str(stage) for stage in Stage]
_AT_ONCE = 16
_POLL_SECONDS = 0.25
_COLOURS = {State.COMPLETE: "green", State.FAILED: "red", State.SUPERSEDED: "yellow"}


@dataclass
class Followed:
    """A file on its way; `error` says why it could not even be sent. Times in seconds of a monotonic clock."""

    file: Path
    document_id: str | None = None
    progress: Progress | None = None
    error: str | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def state(self) -> State | None:
        return self.progress.state if self.progress else None

    @property
    def counts(self) -> Counts:
        return self.progress.counts if self.progress else Counts()

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started


async def follow_all(
    gateway: Gateway, files: Sequence[Path], *, name: str | None = None, seconds: float | None = None
) -> list[Followed]:
    """Upload every file, several at once, and return when each has ended or could not be sent, or the time is over."""
    followed = [Followed(file) for file in files]
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Followed) -> None:
        async with turns:
            item.started = time.monotonic()
            await _follow(gateway, item, name, changed)

    with _view(followed) as changed, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(one(item) for item in followed))
    return followed


async def until_final(
    gateway: Gateway, accepted: Accepted, seen: Callable[[Progress], None] = lambda _: None
) -> Progress:
    """The last state of this version, or of a newer one; `seen` is told each one before.

    Another gateway than the one that accepted it may still tell of the version before.
    """
    while True:
        progress = await gateway.progress(accepted.document_id)
        if (progress.version or 0) >= (accepted.version or 0):
            if progress.state in FINAL:
                return progress
            seen(progress)
        await asyncio.sleep(_POLL_SECONDS)


async def _follow(gateway: Gateway, item: Followed, name: str | None, changed: Callable[[Followed], None]) -> None:
    try:
        accepted = await gateway.upload(item.file, name)
        item.document_id = accepted.document_id

        def seen(progress: Progress) -> None:
            item.progress = progress
            changed(item)

        item.progress = await until_final(gateway, accepted, seen)
    except (LocalStackError, OSError) as error:
        item.error = str(error)
    item.ended = time.monotonic()
    changed(item)


@contextmanager
def _view(followed: Sequence[Followed]) -> Iterator[Callable[[Followed], None]]:
    if not out.is_terminal:
        yield _LineView()
        return
    with Live(table(followed), console=out, auto_refresh=False) as live:
        yield lambda _: live.update(table(followed), refresh=True)


class _LineView:
    """Prints an item when what there is to say of it has changed."""

    def __init__(self) -> None:
        self._said: dict[Path, str] = {}

    def __call__(self, item: Followed) -> None:
        line = f"{item.file.name}: {describe(item)}"
        if self._said.get(item.file) != line:
            self._said[item.file] = line
            say(line)


def table(followed: Sequence[Followed]) -> Table:
    """One row per document: how far it is, what came out so far."""
    view = Table("document", "", "state", "pages", "chunks", "vectors", "s", box=None, pad_edge=False)
    for item in followed:
        colour = _COLOURS.get(item.state, "cyan") if item.state else "dim"
        counts = (item.counts.pages, item.counts.chunks, item.counts.vectors)
        view.add_row(
            item.file.name,
            steps(item.progress),
            f"[{colour}]{state_text(item)}[/]",
            *("" if count is None else str(count) for count in counts),
            f"{item.seconds:.1f}",
        )
    return view


def steps(progress: Progress | None) -> str:
    """The stages passed, as filled and empty dots."""
    passed = len(_STAGES) if progress and progress.state is State.COMPLETE else _position(progress)
    return "●" * passed + "○" * (len(_STAGES) - passed)


def _position(progress: Progress | None) -> int:
    stage = progress.stage if progress else None
    return _STAGES.index(stage) + 1 if stage in _STAGES else 0


def state_text(item: Followed) -> str:
    """State and stage, or why it ended badly, in a few words."""
    if item.error:
        return f"not sent: {item.error}".replace("[", r"\[")
    if item.progress is None:
        return "sending" if item.document_id is None else "sent"
    if item.progress.reason:
        return f"{item.progress.state}: {item.progress.reason.message}".replace("[", r"\[")
    return f"{item.progress.state}" if item.state in FINAL else f"{item.progress.stage}"


def describe(item: Followed) -> str:
    """The same as one line of plain text."""
    counts = item.counts.model_dump(exclude_none=True)
    parts = ", ".join(f"{number} {what}" for what, number in counts.items())
    took = f" in {item.seconds:.1f} s" if item.ended else ""
    return f"{state_text(item)}{took}{f' ({parts})' if parts else ''}"
