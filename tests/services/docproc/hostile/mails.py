"""Email whose headers, parts and encodings lie, loop or never end."""

from __future__ import annotations

import base64

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused

CORRUPT, COMPLEX, TOO_LARGE, EMPTY = Code.CORRUPT, Code.TOO_COMPLEX, Code.TOO_LARGE, Code.EMPTY
_HEAD = "From: a@example.org\r\nTo: b@example.org\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n"


def _mail(headers: str = "", body: str | bytes = RIVER) -> bytes:
    return f"{_HEAD}{headers}\r\n".encode() + (body if isinstance(body, bytes) else body.encode())


def _parts(*parts: str, kind: str = "mixed", boundary: str = "b") -> bytes:
    inside = "".join(f"--{boundary}\r\n{part}\r\n" for part in (f"\r\n{RIVER}", *parts))
    return _mail(f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n', f"{inside}--{boundary}--\r\n")


def _nested(depth: int) -> bytes:
    opened = "".join(f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(depth))
    return _mail("Content-Type: multipart/mixed; boundary=b0\r\n", opened + f"--b{depth}\r\n\r\n{RIVER}")


def _alternatives(depth: int) -> bytes:
    """Each level is asked for all that is below it."""
    opened = "".join(f"--b{n}\r\nContent-Type: multipart/alternative; boundary=b{n + 1}\r\n\r\n" for n in range(depth))
    return _mail("Content-Type: multipart/alternative; boundary=b0\r\n", opened + f"--b{depth}\r\n\r\n{RIVER}")


def _messages(depth: int) -> bytes:
    return _mail(
        "Content-Type: message/rfc822\r\n", f"{_HEAD}Content-Type: message/rfc822\r\n\r\n" * depth + _HEAD + "\r\nx"
    )


def _encoded_words(count: int) -> str:
    return "Subject: " + "\r\n ".join(["=?utf-8?b?cml2ZXI=?="] * count) + "\r\n"


def _attached(kind: str, encoding: str, body: str) -> bytes:
    return _parts(f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}")


def _in_charset(name: str) -> bytes:
    return _mail(f'Content-Type: text/plain; charset="{name}"\r\n', RIVER.encode() + b" \xfc\xff")


CASES: tuple[Hostile, ...] = (
    either("3,000 parts within each other", "deep.eml", lambda: _nested(3_000), COMPLEX, CORRUPT, EMPTY),
    read("60 parts within each other", "deep.eml", lambda: _nested(60)),
    read("30 choices within each other", "choices.eml", lambda: _alternatives(30)),
    either("1,000 messages within each other", "messages.eml", lambda: _messages(1_000), COMPLEX, CORRUPT),
    read("3,000 parts", "parts.eml", lambda: _parts(*["\r\nx"] * 3_000)),
    read("20,000 headers", "headers.eml", lambda: _mail("X-A: b\r\n" * 20_000)),
    read("a header of 10 MB", "header.eml", lambda: _mail("X-A: " + "x" * 10_000_000 + "\r\n")),
    read("a subject of 1 MB", "subject.eml", lambda: _mail("Subject: " + "river " * 160_000 + "\r\n")),
    read("a subject of 20,000 encoded words", "words.eml", lambda: _mail(_encoded_words(20_000))),
    read(
        "encoded words that are broken",
        "words.eml",
        lambda: _mail("Subject: =?utf-8?b?%%%?= =?x?q?=ZZ?= =?utf-8?q\r\n"),
    ),
    read(
        "encoded words in a charset that is none",
        "words.eml",
        lambda: _mail("Subject: =?undefined?b?/w==?= =?zlib?b?eJw=?=\r\n"),
    ),
    read("50,000 addressees", "to.eml", lambda: _mail("Cc: " + ",\r\n ".join(["a@example.org"] * 50_000) + "\r\n")),
    read("20,000 brackets in an address", "to.eml", lambda: _mail("Cc: " + "<" * 20_000 + "\r\n")),
    read("20,000 comments within each other in an address", "to.eml", lambda: _mail("Cc: " + "(" * 20_000 + "\r\n")),
    read("20,000 quotes in an address", "to.eml", lambda: _mail("Cc: " + '"' * 20_000 + "\r\n")),
    read("5,000 groups in an address", "to.eml", lambda: _mail("Cc: " + "a:" * 5_000 + "\r\n")),
    read("a date that can't be", "date.eml", lambda: _mail("Date: 99 Foo 99999999999 99:99:99 +999999\r\n")),
    read(
        "lines that go on and on",
        "fold.eml",
        lambda: b"A: b\r\n" + b" x\r\n" * 5_000 + b"no field\r\n\r\n" + RIVER.encode(),
    ),
    read(
        "no boundary",
        "boundary.eml",
        lambda: _mail("Content-Type: multipart/mixed\r\n", f"--b\r\n\r\n{RIVER}"),
        "From: ",
    ),
    read(
        "an empty boundary",
        "boundary.eml",
        lambda: _mail('Content-Type: multipart/mixed; boundary=""\r\n', f"--\r\n\r\n{RIVER}"),
    ),
    read("a boundary of 100 kB", "boundary.eml", lambda: _parts("\r\nx", boundary="b" * 100_000), "From: "),
    either(
        "a boundary that begins another",
        "boundary.eml",
        lambda: _parts("Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--b\r\n\r\ny\r\n--bb--"),
        CORRUPT,
    ),
    read(
        "parameters in 20,000 pieces",
        "pieces.eml",
        lambda: _mail("Content-Type: text/plain; " + "; ".join(f"x*{n}*=a" for n in range(20_000)) + "\r\n"),
    ),
    read(
        "a parameter's piece of number 10^30",
        "pieces.eml",
        lambda: _mail(f"Content-Type: text/plain; charset*{'9' * 30}*=a\r\n"),
    ),
    read("a type that is none", "type.eml", lambda: _mail('Content-Type: /;;;="\\\r\n'), "From: "),
    either("base64 of noise", "base64.eml", lambda: _attached("text/plain", "base64", "!!!!" * 1_000 + "A"), CORRUPT),
    either(
        "base64 that is a byte short",
        "base64.eml",
        lambda: _mail("Content-Transfer-Encoding: base64\r\n", "AAAAA"),
        EMPTY,
    ),
    read(
        "quoted signs that are none",
        "quoted.eml",
        lambda: _attached("text/plain", "quoted-printable", "=ZZ=\r\n=" * 1_000),
    ),
    read(
        "uuencoded noise",
        "uu.eml",
        lambda: _attached("text/plain", "x-uuencode", "begin 644 ../../x\r\n\xff\xff\r\nend"),
    ),
    read("an encoding that is none", "encoding.eml", lambda: _attached("text/plain", "x-soul", "x")),
    *(
        read(f"the charset `{name[:20]}`", "charset.eml", lambda name=name: _in_charset(name))  # type: ignore[misc]
        for name in (
            "undefined",
            "punycode",
            "idna",
            "hex",
            "unicode_escape",
            "utf-16",
            "utf-7",
            "ä\u202e",
            "x" * 9_000,
        )
    ),
    read(
        "a program as an attachment, named like a file of the host",
        "attached.eml",
        lambda: _parts(
            'Content-Type: application/x-msdownload; name="../../../etc/passwd"\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"MZ" + bytes(100_000)).decode()
        ),
    ),
    read(
        "bodies that lie elsewhere",
        "external.eml",
        lambda: _parts(
            f'Content-Type: message/external-body; access-type=URL; URL="{lures.url()}"\r\n\r\n'
            "Content-Type: text/plain\r\n\r\n",
            f'Content-Type: message/external-body; access-type=local-file; name="{lures.secret_file()}"\r\n\r\n\r\n',
        ),
        hides=(lures.SECRET,),
    ),
    read(
        "a name of 100 kB with line ends",
        "name.eml",
        lambda: _parts(f'Content-Disposition: attachment; filename="{"n" * 100_000}\u202e"\r\n\r\nx'),
    ),
    refused(
        "a sealed body", "sealed.eml", lambda: _mail("Content-Type: application/pkcs7-mime\r\n", "MII="), Code.ENCRYPTED
    ),
    refused("a body of 2.4 million letters", "long.eml", lambda: _mail(body="river " * 400_000), TOO_LARGE),
    either("NUL in headers and body", "nul.eml", lambda: _mail("Subject: a\0b\r\n", f"{RIVER}\0\0"), Code.UNSUPPORTED),
    read("bare carriage returns", "cr.eml", lambda: _mail("Subject: x\r\n", f"{RIVER}\r" * 500)),
    read(
        "a page with scripts",
        "page.eml",
        lambda: _mail("Content-Type: text/html\r\n", f"<p>{RIVER}<script>steal()</script><img src='{lures.url()}'>"),
        hides=("steal",),
    ),
)
