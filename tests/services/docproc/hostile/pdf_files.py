"""PDFs written object by object, for others to spoil."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping

from tests.services.docproc.hostile.case import RIVER

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


def text(words: str = RIVER) -> bytes:
    """The operators that show these words."""
    return b"BT /F 12 Tf 20 200 Td (%b) Tj ET" % words.encode()


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%b>>stream\n%b\nendstream" % (len(content), entries, content)


def flate(content: bytes, entries: bytes = b"") -> bytes:
    return stream(zlib.compress(content, 1), b"/Filter/FlateDecode" + entries)


def page(contents: bytes = b"5 0 R", entries: bytes = b"", box: bytes = b"0 0 300 300") -> bytes:
    return b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Resources<</Font<</F 4 0 R>>>>/Contents %b%b>>" % (
        box,
        contents,
        entries,
    )


def objects(**changes: bytes) -> dict[int, bytes]:
    """A page that shows the river: catalogue 1, pages 2, page 3, font 4, contents 5; `o7=…` adds an object."""
    sound = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: page(),
        4: FONT,
        5: stream(text()),
    }
    return sound | {int(name[1:]): body for name, body in changes.items()}


def pdf(bodies: Mapping[int, bytes] | None = None, trailer: bytes = b"", **changes: bytes) -> bytes:
    """With a sound table of references; `trailer` are more entries of the last dictionary."""
    body, offsets = _body(objects(**changes) if bodies is None else bodies)
    size = max(offsets) + 1
    rows = [b"%010d 00000 n \n" % offsets[n] if n in offsets else b"0000000000 65535 f \n" for n in range(size)]
    table = b"xref\n0 %d\n%b" % (size, b"".join(rows))
    last = b"trailer<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF" % (size, trailer, len(body))
    return body + table + last


def _body(bodies: Mapping[int, bytes]) -> tuple[bytes, dict[int, int]]:
    out, offsets = bytearray(HEADER), {}
    for number, body in bodies.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    return bytes(out), offsets


def without_table(end: bytes = b"", **changes: bytes) -> bytes:
    """The objects, then `end` as it is, in which `START` stands for where it begins."""
    body, _ = _body(objects(**changes))
    return body + end.replace(b"START", b"%d" % len(body))


_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def locked(user: bytes, owner: bytes) -> bytes:
    """Encrypted with RC4 of 40 bits, which asks for the `user` password; with an empty one it opens for anybody."""
    identity, rights = bytes(16), (-44).to_bytes(4, "little", signed=True)
    owners = _rc4(hashlib.md5(_padded(owner)).digest()[:5], _padded(user))
    key = hashlib.md5(_padded(user) + owners + rights + identity).digest()[:5]
    users = _rc4(key, _PADDING)
    contents_key = hashlib.md5(key + (5).to_bytes(3, "little") + bytes(2)).digest()[:10]
    entry = b"/ID[<%b><%b>]/Encrypt<</Filter/Standard/V 1/R 2/P -44/O<%b>/U<%b>>>" % (
        *(identity.hex().encode(), identity.hex().encode()),
        *(owners.hex().encode(), users.hex().encode()),
    )
    return pdf(trailer=entry, o5=stream(_rc4(contents_key, text())))


def _padded(password: bytes) -> bytes:
    return (password + _PADDING)[:32]


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
