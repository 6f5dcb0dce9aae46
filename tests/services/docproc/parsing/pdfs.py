"""PDFs of the tests' own making: objects, text at places, lines, pictures, and encryption."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Resources<</Font<</F 3 0 R>>>>%b>>"
PICTURE = b"q 300 0 0 300 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q "
"""As large as a page."""
JAPANESE, JAPANESE_DOWNWARDS, KOREAN = b"UniJIS-UTF16-H", b"UniJIS-UTF16-V", b"UniKS-UTF16-H"
"""How the characters of a font that is not in the file are encoded."""
_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_ID = b"0123456789abcdef"
_OWNER = bytes(32)


def stream(content: bytes, *, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(content), content)


def show(text: bytes) -> bytes:
    return stream(at(20, 200, text.decode("latin-1")))


def at(x: float, y: float, text: str, *, size: float = 12, turned: bool = False) -> bytes:
    """`turned` text runs upwards."""
    matrix = b"0 1 -1 0" if turned else b"1 0 0 1"
    return b"BT /F %g Tf %b %g %g Tm (%b) Tj ET " % (size, matrix, x, y, text.encode("latin-1"))


def lines(x: float, top: float, *texts: str, leading: float = 14, size: float = 12) -> bytes:
    return b"".join(at(x, top - leading * count, text, size=size) for count, text in enumerate(texts))


def rule(x: float, y: float, to_x: float, to_y: float) -> bytes:
    return b"%g %g m %g %g l S " % (x, y, to_x, to_y)


def grid(xs: Sequence[float], ys: Sequence[float]) -> bytes:
    """All the rules between these edges, the outermost too."""
    across = b"".join(rule(xs[0], y, xs[-1], y) for y in ys)
    return across + b"".join(rule(x, ys[0], x, ys[-1]) for x in xs)


def pdf(*objects: bytes, pages: bytes, catalog: bytes = b"", trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 4; `pages` are references to those of them that are pages."""
    kids = b"<</Type/Pages/Kids[%b]/Count %d>>" % (pages, pages.count(b"R"))
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate((b"<</Type/Catalog/Pages 2 0 R%b>>" % catalog, kids, FONT, *objects), start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(offsets) + 1
    out_table = b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R%b>>\n" % (size, table, size, trailer)
    return out + out_table + b"startxref\n%d\n%%%%EOF" % len(out)


def one_page(content: bytes, *objects: bytes, entries: bytes = b"", catalog: bytes = b"") -> bytes:
    """One page that shows this; further objects are numbered from 6."""
    return pdf(PAGE % (b"/Contents 5 0 R" + entries), stream(content), *objects, pages=b"4 0 R", catalog=catalog)


def paged(*contents: bytes) -> bytes:
    """A page for each content."""
    count = len(contents)
    pages = [PAGE % b"/Contents %d 0 R" % (4 + count + index) for index in range(count)]
    references = b" ".join(b"%d 0 R" % (4 + index) for index in range(count))
    return pdf(*pages, *map(stream, contents), pages=references)


def far_eastern(encoding: bytes, *texts: tuple[float, float, str], in_form: bool = False) -> bytes:
    """Texts at places, in a font that isn't in the file."""
    collection = b"Korea1" if encoding == KOREAN else b"Japan1"
    show = b"BT /J 12 Tf 1 0 0 1 %g %g Tm <%b> Tj ET "
    content = b"".join(show % (x, y, text.encode("utf-16-be").hex().encode()) for x, y, text in texts)
    resources = b"/Resources<</Font<</J 6 0 R>>/XObject<</X 8 0 R>>>>"
    return pdf(
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 5 0 R%b>>" % resources,
        stream(b"/X Do" if in_form else content),
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/%b/DescendantFonts[7 0 R]>>" % encoding,
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(%b)/Supplement 1>>>>"
        % collection,
        stream(content, entries=b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]" + resources),
        pages=b"4 0 R",
    )


def with_empty_password(content: bytes, *, aes: bool) -> bytes:
    """One page, encrypted in 128 bits so that the empty password opens it."""
    permissions = -44
    key = hashlib.md5(_PADDING + _OWNER + permissions.to_bytes(4, "little", signed=True) + _ID).digest()
    for _ in range(50):
        key = hashlib.md5(key).digest()
    user = hashlib.md5(_PADDING + _ID).digest()
    for turn in range(20):
        user = _rc4(bytes(byte ^ turn for byte in key), user)
    handler = b"/V 4/R 4/CF<</C<</CFM/AESV2/Length 16>>>>/StmF/C/StrF/C" if aes else b"/V 2/R 3"
    entries = b"/Filter/Standard%b/Length 128/P %d/O<%b>/U<%b>" % (
        *(handler, permissions),
        *(_OWNER.hex().encode(), (user + bytes(16)).hex().encode()),
    )
    cipher: Callable[[bytes, bytes], bytes] = _aes if aes else _rc4
    hidden = cipher(hashlib.md5(key + bytes((5, 0, 0, 0, 0)) + (b"sAlT" if aes else b"")).digest(), content)
    return pdf(
        *(PAGE % b"/Contents 5 0 R", stream(hidden), b"<<%b>>" % entries),
        pages=b"4 0 R",
        trailer=b"/Encrypt 6 0 R/ID[<%b><%b>]" % (_ID.hex().encode(), _ID.hex().encode()),
    )


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


def _aes(key: bytes, data: bytes) -> bytes:
    start = os.urandom(16)
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(key), CBC(start)).encryptor()
    return start + encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
