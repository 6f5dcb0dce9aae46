"""Fleets for benchmarks: their own folder and ports, gone when the benchmark ends, also where it is cut short."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.fleet.harness import Fleet


@contextmanager
def running(
    folder: Path, *options: str, streams: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Fleet]:
    """A fleet in `folder`. `options` are those of `cauce up`; `streams` gives declarations by name, in the place of the
    shipped ones."""
    added = dict(environment or {})
    if streams is not None:
        added["CAUCE_STREAMS_DIR"] = str(_write(folder / "streams", streams))
    fleet = Fleet(folder / "fleet", added)
    try:
        fleet.up(*options)
        yield fleet
    finally:
        fleet.down()


def _write(folder: Path, streams: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True)
    for name, declaration in streams.items():
        (folder / f"{name}.yaml").write_text(declaration)
    return folder


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder. Within the block a SIGTERM, as `timeout` sends it, ends the program the way Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        with tempfile.TemporaryDirectory(prefix="cauce-bench-") as folder:
            yield Path(folder)
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
