"""A folder for each document that is read: an empty one, used again by the next document where that is safe."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from types import TracebackType
from typing import Self


class Folders:
    """A context manager: all are gone afterwards. To make and remove a folder takes longer than to fetch a small
    document, so they are kept; one that was left by an error isn't, since a parser may still write there.
    """

    def __init__(self) -> None:
        self._root = TemporaryDirectory(prefix="cauce-", ignore_cleanup_errors=True)
        self._empty: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._root.cleanup()

    @contextmanager
    def one(self) -> Iterator[Path]:
        """Nobody else has it within the block; nothing is left of what is put there."""
        folder = self._empty.pop() if self._empty else Path(mkdtemp(dir=self._root.name))
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # what a parser still writes goes with all others at the end
            raise
        _clear(folder)
        self._empty.append(folder)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
