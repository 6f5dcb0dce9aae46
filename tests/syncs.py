"""Watching what a process has asked the operating system to put on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def watch_fsync(monkeypatch: pytest.MonkeyPatch, seen: Callable[[Path], None]) -> None:
    """Every `os.fsync` is made as before; then `seen` hears of which file or folder it was."""
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        seen(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", watched)


def fail_fsync(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """As a disk does that is broken, or full at the very end."""

    def failing(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", failing)
