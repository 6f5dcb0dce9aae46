"""The cache of fetched servers: folders that are either whole or absent, shared safely by starts at the same time."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` for the block; waits for another process that holds it.

    The kernel lets go of it when the process ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sealed_folder(target: Path, fill: Callable[[Path], None]) -> Path:
    """Return `target`, having `fill` make it first where it is absent.

    `fill` works in a temporary folder beside it that is renamed when complete, so that a killed or failed fetch leaves
    nothing that looks whole. Whatever `fill` raises passes through.
    """
    if target.is_dir():
        return target
    with locked(target.parent / ".lock"):
        if not target.is_dir():
            remove_abandoned(target.parent)
            _fill_and_rename(target, fill)
    return target


def _fill_and_rename(target: Path, fill: Callable[[Path], None]) -> None:
    work = Path(tempfile.mkdtemp(prefix=".fetching-", dir=target.parent))
    try:
        fill(work)
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def remove_abandoned(cache: Path) -> None:
    """Remove what a killed fetch left behind; only while holding the cache's lock, when nobody else can be fetching."""
    for folder in cache.glob(".fetching-*"):
        shutil.rmtree(folder, ignore_errors=True)
