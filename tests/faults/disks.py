"""Small disks for the servers, so that one can be full: a tmpfs each, where this user may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

SIZE_MIB = 700
BALLAST = "ballast"


class Disks:
    """One folder per server under `root`; `mounted` tells whether they are disks of their own."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._folders = {name: root / name for name in names}
        self.mounted = False

    def mount(self) -> None:
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        done = [self._mount(folder) for folder in self._folders.values()]
        self.mounted = all(done)

    def _mount(self, folder: Path) -> bool:
        if os.geteuid() != 0:
            return False
        words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder)]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def fill(self, name: str) -> None:
        """Until nothing more fits."""
        with (self._folders[name] / BALLAST).open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                while _fits(file.fileno(), bytes(size)):
                    pass

    def empty(self) -> None:
        """Takes the ballast off again."""
        for folder in self._folders.values():
            (folder / BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        for folder in self._folders.values():
            if folder.is_mount():
                subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=True)


def _fits(file: int, piece: bytes) -> bool:
    try:
        return os.write(file, piece) == len(piece)
    except OSError:
        return False
