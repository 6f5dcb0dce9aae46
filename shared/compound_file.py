"""Microsoft's container of before 2007 (OLE, compound file): what it holds, as far as its beginning tells."""

from __future__ import annotations

import struct

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_ENTRY_BYTES = 128
_NAME_BYTES = 64
_KINDS = frozenset({0, 1, 2, 5})  # unused, storage, stream, root


def names(head: bytes) -> set[str]:
    """Names of streams and storages, in lower case, of the container that begins with `head`.

    Those of the directory's first stretch; none where the directory begins behind the head.
    """
    try:
        shift, first = struct.unpack_from("<H16xI", head, 30)
    except struct.error:
        return set()
    start = (first + 1) << min(shift, 12)
    found = set()
    while (name := _name(head[start : start + _ENTRY_BYTES])) is not None:
        found.add(name)
        start += _ENTRY_BYTES
    return found - {""}


def _name(entry: bytes) -> str | None:
    """The entry's name, empty for an unused one; None for what is no entry."""
    if len(entry) < _ENTRY_BYTES:
        return None
    size, kind = struct.unpack_from("<HB", entry, _NAME_BYTES)
    if size > _NAME_BYTES or kind not in _KINDS or (kind == 0) != (size == 0):
        return None
    return entry[: max(size - 2, 0)].decode("utf-16-le", "replace").lower()
