"""What a parsing process may not do, whatever a document talks a parser into: reach an address, start a program, open
a file outside of its own folder. Python itself asks before each of these; what is native has no way to them.

    address space   RLIMIT_AS, `memory_bytes`
    a file's size   RLIMIT_FSIZE, `file_bytes`, in the document's own folder, which the service removes
    open files      RLIMIT_NOFILE
    core files      none
"""

from __future__ import annotations

import errno
import os
import resource
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

_OPEN_FILES = 256
_FORBIDDEN = frozenset(
    {
        *("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
        *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"),
        *("os.chmod", "os.chown", "os.link", "os.rename", "os.symlink"),
    }
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DEVICES = ("/dev/null", "/dev/urandom")


class Fence:
    """Put up once, for the rest of the process's life; `enter` says which folder is the document's."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._programs: frozenset[str] = frozenset()
        self._readable = tuple({_real(each) for each in (sys.prefix, sys.base_prefix, *sys.path) if each})

    def put_up(self, *, memory_bytes: int, file_bytes: int, programs: Iterable[str] = ()) -> None:
        """`programs` are the only ones that may be started, by their whole paths."""
        self._programs = frozenset(programs)
        for kind, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_FSIZE, file_bytes),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
        ):
            resource.setrlimit(kind, (most, most))
        sys.dont_write_bytecode = True
        sys.addaudithook(self._judge)

    def enter(self, folder: Path) -> None:
        """Temporary files go there too, so that they are gone with the document even if this process is killed."""
        self._folder = _real(folder)
        tempfile.tempdir = self._folder

    def _judge(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            self._judge_open(arguments)
        elif event == "subprocess.Popen" and arguments[0] in self._programs:
            return
        elif event in _FORBIDDEN:
            raise PermissionError(errno.EPERM, f"a parser may not do this: {event}")

    def _judge_open(self, arguments: tuple[object, ...]) -> None:
        path, _, flags = arguments
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor that is open already
        place = _real(path)
        if place in _DEVICES or (self._folder and _lies_in(place, self._folder)):
            return
        writing = isinstance(flags, int) and flags & _WRITING
        if writing or not any(_lies_in(place, folder) for folder in self._readable):
            raise PermissionError(errno.EPERM, f"a parser may not open other files: {place}")


def _real(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    return os.path.realpath(os.fsdecode(path))


def _lies_in(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder.rstrip('/')}/")
