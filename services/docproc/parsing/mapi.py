"""The properties that Outlook stores in an MSG file: of the message, its recipients, its attachments.

Each is known by a number. Short ones stand in a list, the others are streams whose names end in number and type.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator

from olefile import OleFileIO

from services.docproc.parsing.charset import decode

_LIST = "__properties_version1.0"
_HEADERS = {"": 32, "__substg1.0_3701000D": 24}  # bytes before the list: of the file's message, of one within
_HEADER = 8
_UNICODE, _NARROW, _BINARY = "001F", "001E", "0102"
_MESSAGE_CODEPAGE, _BODY_CODEPAGE = 0x3FFD, 0x3FDE
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
_CODECS = {65001: "utf-8", 20127: "ascii", 20866: "koi8-r", 21866: "koi8-u", 51932: "euc-jp", 51949: "euc-kr"}

Path = tuple[str, ...]


class Item:
    """A message, a recipient or an attachment: the storage at `path` of the file."""

    def __init__(self, file: OleFileIO[str], path: Path = ()) -> None:
        self._file = file
        self._path = path
        self._fixed = self._read_list()

    def text(self, tag: int) -> str:
        """The property's text; empty where there is none."""
        wide = self._stream(tag, _UNICODE)
        if wide is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        return decode(self._stream(tag, _NARROW) or b"", self.codec(_MESSAGE_CODEPAGE)).rstrip("\0")

    def data(self, tag: int) -> bytes | None:
        return self._stream(tag, _BINARY)

    def number(self, tag: int) -> int:
        """The property as a number; 0 where there is none."""
        return int(struct.unpack("<i4x", self._fixed.get(tag, bytes(8)))[0])

    def time(self, tag: int) -> dt.datetime | None:
        ticks = struct.unpack("<Q", self._fixed.get(tag, bytes(8)))[0]
        try:
            return _EPOCH + dt.timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None

    def codec(self, tag: int = _BODY_CODEPAGE) -> str | None:
        """Python's name for a property that holds the number of a charset; by default that of the body in HTML."""
        number = self.number(tag)
        iso = number - 28590
        return _CODECS.get(number, f"iso8859-{iso}" if 0 < iso < 17 else f"cp{number}") if number else None

    def children(self, name: str) -> Iterator[Item]:
        """The storages within this one whose name begins like that, in the order of their names."""
        depth = len(self._path)
        paths = {tuple(entry[: depth + 1]) for entry in self._file.listdir(streams=True, storages=False)}
        for path in sorted(paths):
            if path[:depth] == self._path and len(path) > depth and path[depth].lower().startswith(name.lower()):
                yield Item(self._file, path)

    def embedded(self) -> Item | None:
        """The message that this attachment is; None where it is a file."""
        path = (*self._path, "__substg1.0_3701000D")
        return Item(self._file, path) if self._file.exists([*path, _LIST]) else None

    def _read_list(self) -> dict[int, bytes]:
        data = self._read(_LIST) or b""
        start = _HEADERS.get(self._path[-1] if self._path else "", _HEADER)
        entries = (data[offset : offset + 16] for offset in range(start, len(data) - 15, 16))
        return {struct.unpack_from("<H", entry, 2)[0]: entry[8:] for entry in entries}

    def _stream(self, tag: int, kind: str) -> bytes | None:
        return self._read(f"__substg1.0_{tag:04X}{kind}")

    def _read(self, name: str) -> bytes | None:
        path = [*self._path, name]
        if not self._file.exists(path) or self._file.get_type(path) != 2:
            return None
        with self._file.openstream(path) as stream:
            return bytes(stream.read())
