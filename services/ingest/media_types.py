"""What a document really is, told from its first bytes; its name and its sender's word only choose among texts.

A zip container's own table of contents stands at its end, but the names and the first members that tell DOCX, PPTX,
XLSX and EPUB apart stand at its beginning. So the head is enough, and an object needn't be read twice.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import PurePosixPath

import filetype

from shared.errors import Code, Permanent

HEAD_BYTES = 64 * 1024
"""How much of the document's beginning `sniff` wants; less is fine if the document is shorter."""

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EPUB = "application/epub+zip"
RTF = "application/rtf"
EML = "message/rfc822"
HTML = "text/html"
MARKDOWN = "text/markdown"
CSV = "text/csv"
TSV = "text/tab-separated-values"
PLAIN = "text/plain"

_BINARY_SUFFIXES = {".pdf": PDF, ".docx": DOCX, ".docm": DOCX, ".pptx": PPTX, ".pptm": PPTX, ".ppsx": PPTX}
_BINARY_SUFFIXES |= {".xlsx": XLSX, ".xlsm": XLSX, ".epub": EPUB}
_TEXT_SUFFIXES = {
    **dict.fromkeys((".html", ".htm", ".xhtml"), HTML),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), MARKDOWN),
    **dict.fromkeys((".eml", ".mht", ".mhtml"), EML),
    **dict.fromkeys((".tsv", ".tab"), TSV),
    **dict.fromkeys((".txt", ".text", ".log"), PLAIN),
    ".csv": CSV,
}
_TEXT_TYPES = frozenset({HTML, MARKDOWN, EML, TSV, CSV})
_TYPE_ALIASES = {"application/xhtml+xml": HTML, "text/x-markdown": MARKDOWN, "application/csv": CSV}

_ZIP_MEMBER = b"PK\x03\x04"
_ZIP_FOLDERS = {b"word/": DOCX, b"ppt/": PPTX, b"xl/": XLSX, b"meta-inf/container.xml": EPUB}
_CONTENT_TYPES = {
    b"wordprocessingml.document.main+xml": DOCX,
    b"presentationml.presentation.main+xml": PPTX,
    b"spreadsheetml.sheet.main+xml": XLSX,
}
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\v\x1b\x08") | {0x7F}
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:(?><!--.*?-->)\s*)*+<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MAIL_FIELD = re.compile(
    rb"^(?:received|return-path|delivered-to|from|to|subject|date|message-id|mime-version|content-type|x-[\w-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_ANY_FIELD = re.compile(rb"(?:From .*+\n)?(?:[!-9;-~]++:.*+(?:\n[ \t].*+)*+\n){3,}+")
# possessive throughout: there must be one way only to read what anybody may send
_PDF = re.compile(rb"(?:\A|[^ -~])%PDF-")
"""Not in the midst of a line of text, which may well speak of it."""


def sniff(head: bytes, filename: str, declared: str | None) -> str:
    """The media type of the document that begins with `head` (up to HEAD_BYTES of it).

    Raises Permanent: `empty` for no bytes at all, `unsupported` for what nothing here reads, `encrypted` for an Office
    file behind a password. A damaged PDF, DOCX, PPTX, XLSX or EPUB keeps the type of its name; its parser says what is
    wrong with it.
    """
    if not head:
        raise Permanent(Code.EMPTY, "The file is empty: it has no bytes")
    suffix = PurePosixPath(filename.replace("\\", "/").lower()).suffix
    if _PDF.search(head[:1024]):
        return PDF
    if head.startswith(b"{\\rtf"):
        return RTF
    if head.startswith(_ZIP_MEMBER):
        return _zip_type(head, suffix)
    if head.startswith(_COMPOUND_FILE):
        raise _compound_file(suffix)
    if _is_text(head):
        return _text_type(head, suffix, declared)
    return _binary_type(head, suffix)


def _zip_type(head: bytes, suffix: str) -> str:
    for found in re.finditer(_ZIP_MEMBER, head):
        name, content = _zip_member(head, found.start())
        if name == b"mimetype":
            return _declared_in_zip(content)
        if name == b"[content_types].xml":
            kinds = [kind for main, kind in _CONTENT_TYPES.items() if main in content]
            if len(kinds) == 1:
                return kinds[0]
        for folder, kind in _ZIP_FOLDERS.items():
            if name.startswith(folder):
                return kind
    if suffix in _BINARY_SUFFIXES:
        return _BINARY_SUFFIXES[suffix]
    raise _unsupported("a ZIP archive", "unpack it and send the documents one by one")


def _declared_in_zip(content: bytes) -> str:
    kind = content[:100].decode("ascii", "replace").strip()
    if kind.startswith(EPUB):
        return EPUB
    raise _unsupported(f"`{kind}`", "save it as DOCX, PPTX, XLSX or PDF")


def _zip_member(head: bytes, start: int) -> tuple[bytes, bytes]:
    """Name, in lower case, and as much of the content as the head holds, of the member whose header begins there."""
    try:
        method, size, name_size, extra_size = struct.unpack_from("<8xH8xI4xHH", head, start)
    except struct.error:
        return b"", b""
    name_start = start + 30
    body_start = name_start + name_size + extra_size
    name = head[name_start : name_start + name_size].replace(b"\\", b"/").lower()
    body = head[body_start:] if method == zlib.DEFLATED else head[body_start : body_start + size]
    return name, _inflated(body) if method == zlib.DEFLATED else body


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, HEAD_BYTES)
    except zlib.error:
        return b""


def _compound_file(suffix: str) -> Permanent:
    """The old container of Microsoft's: an Office file in it is either of before 2007, or of today and encrypted."""
    if suffix in _BINARY_SUFFIXES:
        return Permanent(Code.ENCRYPTED, "The document is protected by a password: send a copy without one")
    return _unsupported("an Office or Outlook file of before 2007", "save it as DOCX, PPTX, XLSX, EML or PDF")


def _is_text(head: bytes) -> bool:
    if head.startswith(_BOMS) or _is_utf16(head):
        return True
    return b"\0" not in head and sum(byte in _CONTROLS for byte in head) * 200 <= len(head)


def _is_utf16(head: bytes) -> bool:
    """UTF-16 without its mark, in a language whose letters are in Latin-1: every other byte is zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return max(even, odd) * 5 > len(head) * 2 and min(even, odd) * 50 < len(head) and len(head) > 3


def _text_type(head: bytes, suffix: str, declared: str | None) -> str:
    narrow = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff")
    if narrow.startswith(b"%!PS"):
        raise _unsupported("PostScript", "save it as PDF")
    if _HTML.match(narrow[:4096]):
        return HTML
    if suffix in _BINARY_SUFFIXES:
        return _BINARY_SUFFIXES[suffix]
    named = _TEXT_SUFFIXES.get(suffix)
    if named in (None, PLAIN) and _is_mail(narrow):
        return EML
    if named is not None:
        return named
    said = (declared or "").split(";")[0].strip().lower()
    said = _TYPE_ALIASES.get(said, said)
    return said if not suffix and said in _TEXT_TYPES else PLAIN


def _is_mail(head: bytes) -> bool:
    fields = _ANY_FIELD.match(head.lstrip())
    return fields is not None and len(set(_MAIL_FIELD.findall(fields[0].lower()))) >= 3


def _binary_type(head: bytes, suffix: str) -> str:
    kind = filetype.guess(head)
    if kind is not None:
        raise _unsupported(f"`{kind.mime}`", "send a document with text in it")
    if suffix in _BINARY_SUFFIXES:
        return _BINARY_SUFFIXES[suffix]
    raise _unsupported("binary data of an unknown kind", "send a document with text in it")


def _unsupported(what: str, advice: str) -> Permanent:
    return Permanent(Code.UNSUPPORTED, f"This is {what}, which can't be read: {advice}")
