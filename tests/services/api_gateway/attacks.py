"""What may arrive at the gateway's port, byte by byte, and what it must answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from tests.services.api_gateway.serving import KEY
from tests.services.api_gateway.world import LIMIT

BLOCK = b"x" * 64 * 1024
MANY_BLOCKS = 3200  # 200 MiB
PAUSE = b""
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
FIELD = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n'
END = b"\r\n--b--\r\n"
GOOD = FILE + b"hello" + END
FORM = b"multipart/form-data; boundary=b"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def head(*headers: bytes, to: bytes = b"POST /upload", kind: bytes = FORM) -> bytes:
    return b"".join((to, b" HTTP/1.1\r\n", KEY, b"Content-Type: ", kind, b"\r\n", *headers, b"\r\n"))


def length(size: int | bytes) -> bytes:
    return b"Content-Length: %s\r\n" % (size if isinstance(size, bytes) else b"%d" % size)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


def form(body: bytes, kind: bytes = FORM) -> bytes:
    """A form whose length is told as it is."""
    return head(length(len(body)), kind=kind) + body


def part(disposition: bytes, *headers: bytes, data: bytes = b"hello") -> bytes:
    """A form with one part."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return form(b"--b\r\nContent-Disposition: form-data; " + disposition + b"\r\n" + lines + b"\r\n" + data + END)


def named(name: bytes) -> bytes:
    return part(b'name="file"; filename="' + name + b'"')


def get(path: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    return b"".join((method, b" ", path, b" HTTP/1.1\r\n", KEY, *headers, b"\r\n"))


@dataclass(frozen=True)
class Attack:
    """`status` is what the answer must be, `code` the problem's. `slow`: the limits on time are short."""

    name: str
    pieces: Iterable[bytes]
    status: int
    code: str | None = None
    slow: bool = False
    huge: bool = False


@dataclass(frozen=True)
class Departure:
    """What is sent before the client goes away without a word."""

    name: str
    pieces: Iterable[bytes]


def endless(*before: bytes, unit: bytes = BLOCK) -> Iterator[bytes]:
    yield from before
    yield from repeat(unit, MANY_BLOCKS * len(BLOCK) // len(unit))


OF_LENGTH = [
    Attack("shorter than the body", [head(length(len(GOOD) - 5)), GOOD], 400, "malformed_form"),
    Attack("longer than the body", [head(length(len(GOOD) + 5)), GOOD], 408, "idle", slow=True),
    Attack("negative", [head(length(b"-1")), GOOD], 400, "malformed_request"),
    Attack("with a sign", [head(length(b"+5")), GOOD], 400, "malformed_request"),
    Attack("no number", [head(length(b"ten")), GOOD], 400, "malformed_request"),
    Attack("hexadecimal", [head(length(b"0x10")), GOOD], 400, "malformed_request"),
    Attack("empty", [head(length(b"")), GOOD], 400, "malformed_request"),
    Attack("of 30 digits", [head(length(b"9" * 30))], 400, "malformed_request"),
    Attack("twice the same", [head(length(len(GOOD)) * 2), GOOD], 400, "malformed_request"),
    Attack("twice, not the same", [head(length(len(GOOD)), length(5)), GOOD], 400, "malformed_request"),
    Attack("a list", [head(length(b"5, 5")), GOOD], 400, "malformed_request"),
    Attack("missing", [head(), PAUSE, GOOD], 400, "malformed_form"),
    Attack("far too large", [head(length(1 << 40))], 413, "too_large"),
    Attack("far too large, without a key", [head(length(1 << 40)).replace(KEY, b"Host: a\r\n")], 401, "no_key"),
    Attack("too large for JSON", [head(length(1 << 30), to=b"POST /dead-letters/redrive")], 413, "too_large"),
]

OF_CHUNKS = [
    Attack("no number", [head(CHUNKED), b"zz\r\n", GOOD], 400, "malformed_request"),
    Attack("no number, after some", [head(CHUNKED), chunk(FILE), PAUSE, b"zz\r\n"], 400, "malformed_request"),
    Attack("negative", [head(CHUNKED), b"-5\r\nhello\r\n"], 400, "malformed_request"),
    Attack("of 17 digits", [head(CHUNKED), b"f" * 17 + b"\r\n"], 400, "malformed_request"),
    Attack("longer than it says", [head(CHUNKED), b"5\r\nhello world\r\n" + LAST_CHUNK], 400, "malformed_request"),
    Attack("bare line feeds", [head(CHUNKED), b"5\nhello\n0\n\n"], 400, "malformed_request"),
    Attack("small extensions", [head(CHUNKED), chunk(GOOD, b";a=b;c"), LAST_CHUNK], 202),
    Attack("an endless extension", endless(head(CHUNKED), b"5;"), 431, "head_too_large", huge=True),
    Attack("trailers", [head(CHUNKED), chunk(GOOD), b"0\r\nX-API-Key: x\r\n\r\n"], 202),
    Attack("endless trailer", endless(head(CHUNKED), chunk(GOOD), b"0\r\nX: "), 431, "head_too_large", huge=True),
    Attack(
        "endless trailers",
        endless(head(CHUNKED), chunk(GOOD), b"0\r\n", unit=b"X: y\r\n" * 1000),
        431,
        "head_too_large",
        huge=True,
    ),
    Attack("a length as well", [head(CHUNKED, length(len(GOOD))), chunk(GOOD), LAST_CHUNK], 400, "malformed_request"),
    Attack("a length before", [head(length(5), CHUNKED), chunk(GOOD), LAST_CHUNK], 400, "malformed_request"),
    Attack("another coding", [head(b"Transfer-Encoding: gzip\r\n"), GOOD], 400, "malformed_request"),
    Attack("another coding behind", [head(CHUNKED, b"Transfer-Encoding: identity\r\n")], 400, "malformed_request"),
    Attack("an odd name", [head(b"Transfer-Encoding: xchunked\r\n"), chunk(GOOD)], 400, "malformed_request"),
    Attack("one byte each", [head(CHUNKED), b"".join(chunk(bytes([b])) for b in GOOD), LAST_CHUNK], 202),
    Attack("no end", [head(CHUNKED), chunk(GOOD)], 408, "idle", slow=True),
    Attack(
        "a body without an end", endless(head(CHUNKED), chunk(FILE), unit=chunk(BLOCK)), 413, "too_large", huge=True
    ),
    Attack("one huge chunk", endless(head(CHUNKED), b"%x\r\n" % (1 << 40), FILE), 413, "too_large", huge=True),
    Attack(
        "fields without an end",
        endless(head(CHUNKED), unit=chunk(FIELD + BLOCK + b"\r\n")),
        413,
        "too_large",
        huge=True,
    ),
]

OF_HEADS = [
    Attack("half a line", [b"POST /upl"], 408, "idle", slow=True),
    Attack("half a header", [b"POST /upload HTTP/1.1\r\nHost: ga"], 408, "idle", slow=True),
    Attack("no end", [get(b"/documents")[:-2]], 408, "idle", slow=True),
    Attack("one endless header", endless(b"GET / HTTP/1.1\r\nX: "), 431, "head_too_large", huge=True),
    Attack("endless name", endless(b"GET / HTTP/1.1\r\n"), 431, "head_too_large", huge=True),
    Attack("endless address", endless(b"GET /"), 431, "head_too_large", huge=True),
    Attack(
        "a million headers", endless(b"GET / HTTP/1.1\r\n", unit=b"X: y\r\n" * 1000), 431, "head_too_large", huge=True
    ),
    Attack("a folded header", [get(b"/documents", b"X: a\r\n b\r\n")], 400, "malformed_request"),
    Attack("a blank before the colon", [get(b"/documents", b"X : a\r\n")], 400, "malformed_request"),
    Attack("a NUL", [get(b"/documents", b"X: a\0b\r\n")], 400, "malformed_request"),
    Attack("no HTTP", [b"\x16\x03\x01\x02\x00\x01\x00"], 400, "malformed_request"),
    Attack("HTTP/2", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400, "malformed_request"),
    Attack("no version", [b"GET /\r\n\r\n"], 400, "malformed_request"),
    Attack("an address that is none", [get(b"http://[x/")], 400, "malformed_request"),
    Attack("an address not in ASCII", [get(b"/\xff")], 400, "malformed_request"),
    Attack("an address with a NUL", [get(b"/documents/%00")], 404, "no_such_document"),
    Attack("an address that climbs", [get(b"/static-offline-docs/..%2f..%2fcore.py")], 404, "not_found"),
    Attack("a file with a NUL", [get(b"/static-offline-docs/%00")], 404, "not_found"),
    Attack("a key not in ASCII", [b"GET /documents HTTP/1.1\r\nX-API-Key: \xff\r\n\r\n"], 401, "wrong_key"),
    Attack("a tunnel", [b"CONNECT a:80 HTTP/1.1\r\n\r\n"], 400, "malformed_request"),
    Attack("TRACE", [get(b"/documents", method=b"TRACE")], 405, "method_not_allowed"),
    Attack("OPTIONS", [get(b"/documents", method=b"OPTIONS")], 405, "method_not_allowed"),
    Attack("OPTIONS of all", [get(b"*", method=b"OPTIONS")], 404, "not_found"),
    Attack("no method", [get(b"/documents", method=b"STEAL")], 400, "malformed_request"),
    Attack("another protocol", [get(b"/documents", b"Upgrade: websocket\r\nConnection: Upgrade\r\n")], 200),
    Attack(
        "another protocol, with a body",
        [head(length(len(GOOD)), b"Upgrade: h2c\r\nConnection: Upgrade\r\n"), GOOD],
        400,
        "no_upgrade",
    ),
]

OF_FORMS = [
    Attack("no boundary", [form(GOOD, b"multipart/form-data")], 400, "malformed_form"),
    Attack("an empty boundary", [form(GOOD, b'multipart/form-data; boundary=""')], 400, "malformed_form"),
    Attack("another boundary", [form(GOOD, b"multipart/form-data; boundary=c")], 400, "malformed_form"),
    Attack("two boundaries", [form(GOOD, b"multipart/form-data; boundary=b; boundary=c")], 400, "malformed_form"),
    Attack("a boundary not in ASCII", [form(GOOD, b"multipart/form-data; boundary=\xff")], 400, "malformed_form"),
    Attack(
        "a boundary of 10 kB",
        [form(GOOD.replace(b"--b", b"--" + b"b" * 10_000), b"multipart/form-data; boundary=" + b"b" * 10_000)],
        202,
    ),
    Attack("the boundary within the file", [form(FILE + b"a --b-- \n--b--\n" + END)], 202),
    Attack("a boundary that goes on", [form(FILE + b"a\r\n--bb\r\n" + END)], 400, "malformed_form"),
    Attack("bare line feeds", [form(GOOD.replace(b"\r", b""))], 400, "malformed_form"),
    Attack("another type", [form(GOOD, b"multipart/mixed; boundary=b")], 415, "not_a_form"),
    Attack("a broken type", [form(GOOD, b";;;=\xff")], 415, "not_a_form"),
    Attack("a web form", [form(b"file=hello", b"application/x-www-form-urlencoded")], 415, "not_a_form"),
    Attack("nothing", [form(b"")], 400, "malformed_form"),
    Attack("no part", [form(b"--b--\r\n")], 422, "no_file"),
    Attack("no file", [form(FIELD + b"x" + END)], 422, "no_file"),
    Attack("two files", [form(FILE + b"x\r\n" + GOOD)], 422, "several_files"),
    Attack("1,000 parts", [form((FIELD + b"x\r\n") * 1000 + GOOD)], 413, "form_too_large"),
    Attack("a million fields", endless(head(CHUNKED), unit=chunk((FIELD + b"\r\n") * 1000)), 413, "form_too_large"),
    Attack("a part in a part", [form(FIELD + b"Content-Type: " + FORM + b"\r\n\r\n" + GOOD + END)], 202),
    Attack("an epilogue", [form(GOOD + b"x" * 1000)], 202),
    Attack("an endless epilogue", endless(head(CHUNKED), chunk(GOOD), unit=chunk(BLOCK)), 413, "too_large", huge=True),
    Attack("an endless preamble", endless(head(CHUNKED), unit=chunk(BLOCK)), 413, "too_large", huge=True),
]

OF_PARTS = [
    Attack("no disposition", [form(b"--b\r\nX: y\r\n\r\nhello" + END)], 400, "malformed_form"),
    Attack("an attachment", [form(GOOD.replace(b"form-data", b"attachment"))], 400, "malformed_form"),
    Attack("no colon", [part(b'name="file"; filename="a"', b"nonsense")], 400, "malformed_form"),
    Attack("no filename", [part(b'name="file"')], 422, "not_a_file"),
    Attack("a header of 5 kB", [part(b'name="file"; filename="a"', b"X: " + b"y" * 5000)], 413, "form_too_large"),
    Attack("nine headers", [part(b'name="file"; filename="a"', *[b"X: y"] * 9)], 413, "form_too_large"),
    Attack("an endless header", endless(head(CHUNKED), chunk(FILE[:-4]), unit=chunk(BLOCK)), 413, "form_too_large"),
    Attack("a transfer encoding", [part(b'name="file"; filename="a"', b"Content-Transfer-Encoding: base64")], 202),
    Attack("a content encoding", [part(b'name="file"; filename="a"', b"Content-Encoding: gzip")], 202),
    Attack(
        "too short by its length", [part(b'name="file"; filename="a"', b"Content-Length: 9")], 400, "malformed_form"
    ),
    Attack("too long by its length", [part(b'name="file"; filename="a"', b"Content-Length: 2")], 400, "malformed_form"),
    Attack("a huge length", [part(b'name="file"; filename="a"', b"Content-Length: 1" + b"0" * 4000)], 400),
    Attack("a name not in UTF-8", [named(b"\xff\xfe.txt")], 400, "malformed_form"),
    Attack("an unknown charset", [part(b"name=file; filename*=nonsense''%ff")], 202),
    Attack("a charset that can't be read", [part(b"name=file; filename*=idna''xn--a%ff")], 202),
    Attack("a charset that only fails", [part(b"name=file; filename*=undefined''%ff")], 202),
    Attack("a charset with a NUL", [part(b"name=file; filename*=utf\0-8''%ff")], 202),
    Attack("halves of a filename", [part(b"name=file; filename*0=a; filename*1*=b; filename*x=c")], 202),
]

EVENTS = b"POST /events/ratings"
OF_BODIES = [
    Attack(
        "a bomb", [head(length(9), b"Content-Encoding: gzip\r\n", to=EVENTS, kind=b"application/json"), b"x" * 9], 400
    ),
    Attack("an unknown encoding", [head(length(1), b"Content-Encoding: br\r\n", to=EVENTS), b"x"], 415),
    Attack(
        "a line without an end",
        endless(head(CHUNKED, to=EVENTS, kind=b"application/x-ndjson"), unit=chunk(BLOCK)),
        408,
        "idle",
        slow=True,
        huge=True,
    ),
    Attack(
        "an array without an end",
        endless(head(CHUNKED, to=EVENTS, kind=b"application/json"), chunk(b"["), unit=chunk(b"1," * 30_000)),
        413,
        "too_large",
        huge=True,
    ),
    Attack(
        "an array a million deep", [head(length(1_000_000), to=EVENTS, kind=b"application/json"), b"[" * 1_000_000], 400
    ),
    Attack("a body that stops", [head(length(9), to=EVENTS, kind=b"application/json"), b"["], 408, "idle", slow=True),
    Attack(
        "an order a million deep",
        [head(length(1_000_000), to=b"POST /dead-letters/redrive", kind=b"application/json"), b"[" * 1_000_000],
        400,
    ),
    Attack(
        "an order without an end",
        endless(head(CHUNKED, to=b"POST /dead-letters/redrive", kind=b"application/json"), unit=chunk(BLOCK)),
        413,
        "too_large",
        huge=True,
    ),
    Attack(
        "an order that stops",
        [head(length(9), to=b"POST /dead-letters/redrive", kind=b"application/json"), b"["],
        408,
        "idle",
        slow=True,
    ),
]

ATTACKS = {
    f"{where}: {attack.name}": attack
    for where, attacks in {
        "length": OF_LENGTH,
        "chunks": OF_CHUNKS,
        "head": OF_HEADS,
        "form": OF_FORMS,
        "part": OF_PARTS,
        "body": OF_BODIES,
    }.items()
    for attack in attacks
}

LARGE = head(length(LIMIT))
DEPARTURES = [
    Departure("at once", []),
    Departure("amid the request line", [b"POST /up"]),
    Departure("amid the header", [b"POST /upload HTTP/1.1\r\nHos"]),
    Departure("before the body", [LARGE]),
    Departure("amid the boundary", [LARGE, b"--"]),
    Departure("amid the part's header", [LARGE, FILE[:30]]),
    Departure("before the file", [LARGE, FILE]),
    Departure("amid the file", [LARGE, FILE, BLOCK]),
    Departure("amid the file, of a bare body", [head(length(LIMIT), to=b"PUT /documents/by-name/a"), BLOCK]),
    Departure("amid the closing boundary", [LARGE, FILE, b"hello", END[:5]]),
    Departure("before the end of the body", [LARGE, GOOD]),
    Departure("amid a chunk", [head(CHUNKED), b"fffff\r\n", FILE]),
    Departure("before the last chunk", [head(CHUNKED), chunk(GOOD)]),
    Departure("with a request waiting", [get(b"/streams/ratings/live"), get(b"/documents")]),
]
