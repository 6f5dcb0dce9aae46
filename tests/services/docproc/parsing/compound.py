"""Writes Microsoft's container of before 2007, as small as it can be: for messages of Outlook and old workbooks."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECTOR, _SMALL, _CUTOFF = 512, 64, 4096
_END, _FREE, _FAT, _NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF

Tree = Mapping[str, "bytes | Tree"]


@dataclass
class _Entry:
    name: str
    kind: int
    content: bytes = b""
    first_child: int = _NONE
    next_sibling: int = _NONE
    start: int = _END


@dataclass
class _Sectors:
    """A run of sectors of one size and the chains through it."""

    size: int
    data: bytearray = field(default_factory=bytearray)
    chain: list[int] = field(default_factory=list)

    def add(self, content: bytes) -> int:
        """The number of the first sector of the content."""
        start, count = len(self.chain), -(-len(content) // self.size)
        self.data += content.ljust(count * self.size, b"\0")
        self.chain += [*range(start + 1, start + count), _END] if count else []
        return start if count else _END


def compound(tree: Tree) -> bytes:
    """A compound file with these streams (bytes) and storages (mappings)."""
    entries = [_Entry("Root Entry", 5)]
    _collect(entries, 0, tree)
    large, small = _Sectors(_SECTOR), _Sectors(_SMALL)
    for entry in entries:
        if entry.kind == 2:
            entry.start = (large if len(entry.content) >= _CUTOFF else small).add(entry.content)
    entries[0].content, entries[0].start = bytes(small.data), large.add(bytes(small.data))
    small_chain = large.add(_packed(small.chain))
    directory = large.add(b"".join(map(_written, entries)))
    fat_sectors = -(-(len(large.chain) + 1) // 127)
    fat_start = len(large.chain)
    fat = _packed([*large.chain, *[_FAT] * fat_sectors])
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, fat_sectors, directory, 0, _CUTOFF),
        *(small_chain, -(-len(small.chain) // 128), _END, 0),
    )
    places = [*range(fat_start, fat_start + fat_sectors)]
    header += struct.pack("<109I", *places, *[_FREE] * (109 - len(places)))
    return header + bytes(large.data) + fat


def _collect(entries: list[_Entry], parent: int, tree: Tree) -> None:
    previous = None
    for name in sorted(tree, key=lambda each: (len(each), each.upper())):
        content, index = tree[name], len(entries)
        entries.append(_Entry(name, 2, content) if isinstance(content, bytes) else _Entry(name, 1))
        if previous is None:
            entries[parent].first_child = index
        else:
            entries[previous].next_sibling = index
        previous = index
        if not isinstance(content, bytes):
            _collect(entries, index, content)


def _written(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")
    head = name.ljust(64, b"\0") + struct.pack("<HBB", len(name) + 2, entry.kind, 1)
    links = struct.pack("<III", _NONE, entry.next_sibling, entry.first_child)
    return head + links + bytes(36) + struct.pack("<IQ", entry.start, len(entry.content))


def _packed(chain: list[int]) -> bytes:
    data = struct.pack(f"<{len(chain)}I", *chain)
    return data.ljust(-(-len(data) // _SECTOR) * _SECTOR, b"\xff")
