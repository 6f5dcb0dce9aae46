"""Sound documents with a few things wrong in them, by a seed: the same seed gives the same document."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable

from tests.services.docproc.hostile.office_files import zipped

_VALUE = re.compile(rb"(?<==\")[^\"]{0,80}(?=\")|(?<=>)[^<>]{1,80}(?=<)|(?<= )-?[0-9]+(?= )")
_JUNK = (
    *(b"", b"-1", b"0", b"\xc2\xb2", b"99999999999999999999", b"9" * 5_000, b"1e999", b"NaN", b"x", b"../../x"),
    *(b"&#xD800;", b"&#0;", b"&x;", b"\xff\xfe", b"\0", b"A1:XFD1048576", b"%s", b"true", b" ", b"FFFFFFFF", b"#"),
)


def spoiled(document: bytes, seed: int) -> bytes:
    """A zip container is spoiled in one of its members, so that the container itself stays sound."""
    chance = random.Random(seed)
    if not document.startswith(b"PK"):
        return _several(document, chance)
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([name for name in members if not name.endswith("mimetype")])
    return zipped(members | {name: _several(members[name], chance)})


def _several(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_WAYS)(data, chance)
    return data


def _another_value(data: bytes, chance: random.Random) -> bytes:
    places = list(_VALUE.finditer(data))
    if not places:
        return _another_byte(data, chance)
    place = chance.choice(places)
    return data[: place.start()] + chance.choice(_JUNK) + data[place.end() :]


def _another_byte(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def _a_part_less(data: bytes, chance: random.Random) -> bytes:
    start, end = _stretch(data, chance)
    return data[:start] + data[end:]


def _a_part_twice(data: bytes, chance: random.Random) -> bytes:
    start, end = _stretch(data, chance)
    return data[:end] + data[start:]


def _a_part_elsewhere(data: bytes, chance: random.Random) -> bytes:
    start, end = _stretch(data, chance)
    rest = data[:start] + data[end:]
    place = chance.randint(0, len(rest))
    return rest[:place] + data[start:end] + rest[place:]


def _stretch(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.randint(0, 200))


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _another_value,
    _another_value,
    _another_value,
    _another_byte,
    _a_part_less,
    _a_part_twice,
    _a_part_elsewhere,
)
