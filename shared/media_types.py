"""What a document really is, told from its first bytes; its name and its sender's word only choose among texts.

A zip container's own table of contents stands at its end, but the names and the first members that tell DOCX, PPTX,
XLSX, OpenDocument and EPUB apart stand at its beginning. So the head is enough, and an object needn't be read twice.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import filetype

from shared import compound_file, zip_head
from shared.errors import Code, Permanent

HEAD_BYTES = 64 * 1024
"""How much of the document's beginning `sniff` wants; less is fine if the document is shorter."""

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
ODT = "application/vnd.oasis.opendocument.text"
ODP = "application/vnd.oasis.opendocument.presentation"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
EPUB = "application/epub+zip"
RTF = "application/rtf"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
HTML = "text/html"
MARKDOWN = "text/markdown"
NOTEBOOK = "application/x-ipynb+json"
CSV = "text/csv"
TSV = "text/tab-separated-values"
PLAIN = "text/plain"

_ZIP_SUFFIXES = {
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), DOCX),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".potx"), PPTX),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx"), XLSX),
    **dict.fromkeys((".odt", ".ott"), ODT),
    **dict.fromkeys((".odp", ".otp"), ODP),
    **dict.fromkeys((".ods", ".ots"), ODS),
    ".epub": EPUB,
}
_OLD_SUFFIXES = {".xls": XLS, ".xlt": XLS, ".msg": MSG, ".oft": MSG}
_BINARY_SUFFIXES = {".pdf": PDF, **_ZIP_SUFFIXES}
_TEXT_SUFFIXES = {
    **dict.fromkeys((".html", ".htm", ".xhtml"), HTML),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), MARKDOWN),
    **dict.fromkeys((".eml", ".mht", ".mhtml"), EML),
    **dict.fromkeys((".tsv", ".tab"), TSV),
    ".csv": CSV,
    ".ipynb": NOTEBOOK,
}
_AS_IT_IS = frozenset(
    {
        *(".json", ".jsonl", ".ndjson", ".geojson", ".xml", ".xsd", ".xsl", ".svg", ".rss", ".atom"),
        *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".env", ".srt", ".vtt", ".ics", ".vcf"),
        *(".py", ".js", ".mjs", ".jsx", ".ts", ".tsx", ".vue", ".css", ".scss", ".java", ".kt", ".scala", ".go"),
        *(".rs", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".swift", ".rb", ".php", ".pl", ".lua", ".r", ".sql"),
        *(".sh", ".bash", ".ps1", ".bat", ".tex", ".bib", ".rst", ".adoc", ".org", ".diff", ".patch"),
    }
)
"""Names of data, code and subtitles, whose first lines may look like an email's but for their meaning."""
_TEXT_TYPES = frozenset({HTML, MARKDOWN, EML, TSV, CSV})
_TYPE_ALIASES = {"application/xhtml+xml": HTML, "text/x-markdown": MARKDOWN, "application/csv": CSV}

_ZIP_FOLDERS = {b"word/": DOCX, b"ppt/": PPTX, b"xl/": XLSX, b"meta-inf/container.xml": EPUB}
_CONTENT_TYPES = {
    b"wordprocessingml.document.main+xml": DOCX,
    b"presentationml.presentation.main+xml": PPTX,
    b"spreadsheetml.sheet.main+xml": XLSX,
}
_MANIFEST_ROOT = re.compile(rb'<[^<>]*full-path="/"[^<>]*>')
_MANIFEST_TYPE = re.compile(rb'media-type="([^"]+)"')
_XLS_STREAMS = {"workbook", "book"}
_MSG_STREAMS = ("__substg1.0_", "__properties_version1.0", "__nameid_version1.0", "__recip_version1.0")
_OLD_STREAMS = {"worddocument", "powerpoint document"}
_SEALED_STREAMS = {"encryptedpackage", "encryptioninfo"}
_OLD_WORKBOOK = re.compile(rb"\x09[\x00\x02\x04\x08][\x04-\x10]\x00")  # the first record of a workbook
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\v\x1b\x08") | {0x7F}
_HTML = re.compile(
    rb"\s*+(?>(?:<\?[^>]*+>\s*+|(?><!--.*?-->)\s*+)*)<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MAIL_FIELD = re.compile(
    rb"^(?:(received|return-path|delivered-to|from|to|subject|date|message-id|mime-version|content-type)|x-[\w-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_ANY_FIELD = re.compile(rb"(?:From .*+\n)?(?>(?:[!-9;-~]++:.*+(?>(?:\n[ \t].*+)*)\n){3,})")
# There must be one way only to read what anybody may send. `(?>(?:…)*)` for `(?:…)*+`, which Python before 3.11.5 reads
# wrongly.
_PDF = re.compile(rb"(?:\A|[^ -~])%PDF-")
"""Not in the midst of a line of text, which may well speak of it."""


def sniff(head: bytes, filename: str, declared: str | None) -> str:
    """The media type of the document that begins with `head` (HEAD_BYTES of it, or more).

    Raises Permanent: `empty` for no bytes at all, `unsupported` for what nothing here reads, `encrypted` for an Office
    file behind a password. A damaged PDF or container keeps the type of its name; its parser says what is wrong with
    it.
    """
    if not head:
        raise Permanent(Code.EMPTY, "The file is empty: it has no bytes")
    suffix = PurePosixPath(filename.replace("\\", "/").lower()).suffix
    if _PDF.search(head[:1024]):
        return PDF
    if head.startswith(b"{\\rtf"):
        return RTF
    if head.startswith(zip_head.SIGNATURE):
        return _zip_type(head, suffix)
    if head.startswith(compound_file.SIGNATURE):
        return _compound_type(head, suffix, _said(declared))
    head = head[:HEAD_BYTES]
    if _is_text(head):
        return _text_type(head, suffix, declared)
    return _binary_type(head, suffix)


def _zip_type(head: bytes, suffix: str) -> str:
    for name, content in zip_head.members(head):
        if name == b"mimetype" and content:
            return _declared_in_zip(content)
        if name == b"meta-inf/manifest.xml" and (found := _MANIFEST_ROOT.search(content)):
            return _declared_in_zip(b"".join(_MANIFEST_TYPE.findall(found[0])))
        if name == b"[content_types].xml":
            kinds = [kind for main, kind in _CONTENT_TYPES.items() if main in content]
            if len(kinds) == 1:
                return kinds[0]
        for folder, kind in _ZIP_FOLDERS.items():
            if name.startswith(folder):
                return kind
    if suffix in _ZIP_SUFFIXES:
        return _ZIP_SUFFIXES[suffix]
    raise _unsupported("a ZIP archive", "unpack it and send the documents one by one")


def _declared_in_zip(content: bytes) -> str:
    kind = content[:100].decode("ascii", "replace").strip()
    if kind.startswith(EPUB):
        return EPUB
    kind = kind.removesuffix("-template")
    if kind in (ODT, ODP, ODS):
        return kind
    raise _unsupported(f"`{kind}`", "save it as DOCX, PPTX, XLSX or PDF")


def _compound_type(head: bytes, suffix: str, said: str) -> str:
    """By what the container holds; by name and declaration where the list of that isn't in the head as a whole."""
    names = compound_file.names(head)
    if names & _SEALED_STREAMS or (not names and suffix in _ZIP_SUFFIXES):
        raise Permanent(Code.ENCRYPTED, "The document is protected by a password: send a copy without one")
    if any(name.startswith(_MSG_STREAMS) for name in names):
        return MSG
    if names & _XLS_STREAMS or _OLD_WORKBOOK.match(head, 512):
        return XLS
    told = _OLD_SUFFIXES.get(suffix, said)
    if told in (XLS, MSG) and not names & _OLD_STREAMS:
        return told
    raise _unsupported("a Word or PowerPoint file of before 2007", "save it as DOCX, PPTX or PDF")


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
    if _is_html(narrow[:4096]):
        return HTML
    if suffix in _BINARY_SUFFIXES:
        return _BINARY_SUFFIXES[suffix]
    if suffix in _TEXT_SUFFIXES:
        return _TEXT_SUFFIXES[suffix]
    if suffix in _AS_IT_IS:
        return PLAIN
    if _is_mail(narrow):
        return EML
    said = _said(declared)
    return said if not suffix and said in _TEXT_TYPES else PLAIN


def _said(declared: str | None) -> str:
    said = (declared or "").split(";")[0].strip().lower()
    return _TYPE_ALIASES.get(said, said)


def _is_html(head: bytes) -> bool:
    """Some XML has a `head` or a `body` too; a page without `html` around them isn't written as XML."""
    found = _HTML.match(head)
    return found is not None and (found[1].lower() not in (b"head", b"body") or b"<?xml" not in head)


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
