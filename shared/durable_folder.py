"""A local folder whose files outlast a power failure.

A file that was written and renamed is still in the memory of the operating system, and so are the entries of the
folders that lead to it: `fsync` of each of them puts them on the disk.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

THREADS = 16
"""Files that are synced at once; more of them wait. Threads of their own: a disk that hangs must not keep the event
loop's default executor, which resolves host names."""
NO_SYNC_OF_FOLDERS = frozenset({errno.EINVAL, errno.EBADF})
"""What some network and FUSE file systems answer to the fsync of a folder: they have no such thing to offer."""


class DurableFolder:
    """A folder and all below it. It must be there as long as this object is."""

    def __init__(self, root: Path) -> None:
        """Makes the folder and its parents, where they are missing, durably. Raises OSError."""
        self._root = root
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="fsync")
        missing = [folder for folder in (root, *root.parents) if not folder.exists()]
        root.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            sync_folder(folder.parent)

    async def sync(self, path: str) -> None:
        """Returns once the file at `path`, and the entry of each folder between it and the root, is on the disk.

        All of those folders each time: another process may have made one a moment ago and not have synced it yet.
        Raises OSError.
        """
        folders = [self._root / above for above in Path(path).parents]
        await asyncio.get_running_loop().run_in_executor(self._threads, _sync, self._root / path, folders)


def _sync(file: Path, folders: Sequence[Path]) -> None:
    _fsync(file, os.O_RDONLY)
    for folder in folders:
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Puts the entries of a folder on the disk, on every file system that can be asked to. Raises OSError."""
    try:
        _fsync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in NO_SYNC_OF_FOLDERS:
            raise


def _fsync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
