"""`make bench-objects`: what the fsync of each stored object costs, on the disk of `--folder`.

Objects of three sizes are written by the object store as the services do it, alone and sixteen at once, with the fsync
of the file and its folders and without, in turn; the same for each. Printed are the medians of the rounds, with the
least and the greatest.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from itertools import product
from pathlib import Path

from benchmarks.console import say
from shared.objects import Objects

SIZES = {"2 kB": 2_000, "100 kB": 100_000, "12 MB": 12_000_000}
AT_ONCE = (1, 16)
OBJECTS = 48
ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk that is measured; by default TMPDIR")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory(dir=folder, prefix="cauce-bench-") as root:
        for (size, length), at_once in product(SIZES.items(), AT_ONCE):
            say(asyncio.run(_compare(Path(root), size, length, at_once)))


async def _compare(root: Path, size: str, length: int, at_once: int) -> str:
    content = os.urandom(length)
    count = OBJECTS if length < 1_000_000 else at_once
    synced, unsynced = Objects(f"file://{root}/objects"), Objects(f"file://{root}/objects")
    unsynced._folder = None  # noqa: SLF001 nobody else may leave it out
    seconds: dict[Objects, list[float]] = {synced: [], unsynced: []}
    for _ in range(ROUNDS):
        for objects, measured in seconds.items():
            measured.append(await _round(objects, content, count, at_once))
    return f"{size}, {at_once:>2} at once: {_told(seconds[synced])} an object, {_told(seconds[unsynced])} without fsync"


async def _round(objects: Objects, content: bytes, count: int, at_once: int) -> float:
    """Seconds from the begin to the end of a write, on average."""
    turns = asyncio.Semaphore(at_once)
    took = await asyncio.gather(*(_write(objects, turns, f"bench/{number}", content) for number in range(count)))
    await objects.delete_folder("bench")
    return statistics.fmean(took)


async def _write(objects: Objects, turns: asyncio.Semaphore, path: str, content: bytes) -> float:
    async with turns:
        begin = time.perf_counter()
        async with objects.writer(path) as writer:
            await writer.write(content)
        return time.perf_counter() - begin


def _told(seconds: list[float]) -> str:
    least, middle, most = (1000 * value for value in (min(seconds), statistics.median(seconds), max(seconds)))
    return f"{middle:.1f} ms ({least:.1f} to {most:.1f})"


if __name__ == "__main__":
    main()
