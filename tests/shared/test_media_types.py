"""What a document is, told from its bytes."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from shared import media_types as types
from shared.errors import Code, Permanent
from shared.media_types import HEAD_BYTES, sniff
from tests.documents.catalogue import FILES, SET
from tests.documents.made import Made
from tests.documents.sources import FOLDERS

TOLD_BY_THEIR_BYTES = (".pdf", ".docx", ".pptx", ".xlsx", ".epub", ".rtf", ".html", ".eml")
MISLABELLED = ("sealed.docx",)
"""Those whose bytes tell that nobody can read them."""
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
OASIS = b"application/vnd.oasis.opendocument."
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(40)
MAIL = (
    b"Return-Path: <a@b.example>\r\nFrom: a@b.example\r\nSubject: the\r\n river\r\nDate: Fri, 16 Dec 2022\r\n\r\nHello"
)


def zipped(**members: bytes) -> bytes:
    """A zip whose members have these names (with `__` for a slash, `_dot_` for a dot), in this order."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", ".").replace("META_INF", "META-INF"), content)
    return stream.getvalue()


def compound(*names: str) -> bytes:
    """The beginning of a compound file whose directory, in its second sector, has these names."""
    entries = b""
    for name in ("Root Entry", *names):
        encoded = name.encode("utf-16-le")
        entries += encoded.ljust(64, b"\0") + struct.pack("<HB", len(encoded) + 2, 2) + bytes(61)
    head = COMPOUND[:8].ljust(30, b"\0") + struct.pack("<H16xI", 9, 1)
    return head.ljust(1024, b"\0") + entries


def manifest(kind: bytes) -> bytes:
    entry = b'<m:file-entry m:full-path="%s" m:media-type="%s"/>'
    listed = entry % (b"content.xml", b"text/xml") + entry % (b"/", kind)
    return zipped(content_dot_xml=b"<x/>", META_INF__manifest_dot_xml=b"<m:manifest>" + listed + b"</m:manifest>")


def content_types(main: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        part = f'<Override ContentType="application/vnd.openxmlformats-officedocument.{main}.main+xml"/>'
        archive.writestr("[Content_Types].xml", f"<Types>{part}</Types>")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"%PDF-1.7\n...", types.PDF),
        (b"\r\n junk before it\n%PDF-1.4", types.PDF),
        (b"{\\rtf1\\ansi hello}", types.RTF),
        (zipped(word__document_dot_xml=b"x"), types.DOCX),
        (zipped(docProps__app_dot_xml=b"x", ppt__presentation_dot_xml=b"x"), types.PPTX),
        (zipped(xl__workbook_dot_xml=b"x"), types.XLSX),
        (content_types("wordprocessingml.document"), types.DOCX),
        (content_types("spreadsheetml.sheet"), types.XLSX),
        (content_types("presentationml.presentation"), types.PPTX),
        (zipped(mimetype=b"application/epub+zip"), types.EPUB),
        (zipped(mimetype=OASIS + b"text"), types.ODT),
        (zipped(mimetype=OASIS + b"spreadsheet\n"), types.ODS),
        (zipped(mimetype=OASIS + b"presentation"), types.ODP),
        (zipped(mimetype=OASIS + b"text-template"), types.ODT),
        (manifest(OASIS + b"spreadsheet-template"), types.ODS),
        (manifest(OASIS + b"presentation"), types.ODP),
        (compound("__nameid_version1.0", "__substg1.0_0037001F"), types.MSG),
        (compound("Workbook"), types.XLS),
        (compound("Book"), types.XLS),
        (COMPOUND[:512].ljust(512, b"\0") + b"\x09\x08\x10\x00\x00\x06\x05\x00", types.XLS),
        (b"<!DOCTYPE html><p>hello", types.HTML),
        (b"\xef\xbb\xbf\n <!-- a note --> <HTML><body>", types.HTML),
        (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">', types.HTML),
        (b'<?xml version="1.0"?><?xml-stylesheet href="a.css"?>\n<!-- a --><!DOCTYPE html PUBLIC "x">', types.HTML),
        ("<html><p>hello".encode("utf-16"), types.HTML),
        (MAIL, types.EML),
    ],
)
def test_the_bytes_win_over_name_and_declaration(head: bytes, expected: str) -> None:
    """What the bytes show is believed, whatever the file is called and whatever the sender says it is."""
    assert sniff(head, "picture.png", "image/png") == expected
    assert sniff(head, "no-suffix", None) == expected


@pytest.mark.parametrize(
    ("filename", "declared", "expected"),
    [
        ("notes.md", None, types.MARKDOWN),
        ("NOTES.MARKDOWN", "text/plain", types.MARKDOWN),
        ("table.csv", "application/vnd.ms-excel", types.CSV),
        ("table.tsv", None, types.TSV),
        ("page.htm", None, types.HTML),
        ("notes.ipynb", "application/json", types.NOTEBOOK),
        ("letter.eml", None, types.EML),
        ("main.go", "text/markdown", types.PLAIN),
        ("data.json", None, types.PLAIN),
        ("data.json", "application/json", types.PLAIN),
        ("rows.ndjson", "text/csv", types.PLAIN),
        ("no-suffix", "text/markdown; charset=utf-8", types.MARKDOWN),
        ("no-suffix", "text/csv", types.CSV),
        ("no-suffix", "application/octet-stream", types.PLAIN),
        ("no-suffix", None, types.PLAIN),
    ],
)
def test_among_texts_the_name_decides_then_the_declaration(filename: str, declared: str | None, expected: str) -> None:
    """Texts that look alike are told apart by their suffix, and without one by what the sender says."""
    assert sniff(b"one, two, three\n", filename, declared) == expected


FIELDS = b"from: a\nto: b\nsubject: c\ndate: d\n"
CALENDAR = b"BEGIN:VCALENDAR\r\nX-WR-CALNAME:c\r\nX-WR-TIMEZONE:UTC\r\nX-PUBLISHED-TTL:PT1H\r\n"


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        (b'{"a": 1}', "no-suffix"),
        (b'[{"html": "<html>"}]', "rows.json"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><title>t</title></svg>', "drawing.svg"),
        (b"<svg><!-- <html> --></svg>", "no-suffix"),
        (b'<?xml version="1.0"?><head><body>in some other XML</body></head>', "no-suffix"),
        (b"<rss><channel/></rss>", "feed.xml"),
        (FIELDS, "message.yaml"),
        (FIELDS, "config.toml"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nWater\n", "film.srt"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nWater\n", "film.vtt"),
        (CALENDAR, "dates.ics"),
        (CALENDAR, "no-suffix"),
        (b"a: b\nto: c\nfrom: d\nsubject: e", "no-suffix"),  # the last line may be half of one
        (b"BEGIN:VCARD\nVERSION:3.0\nFN:Ada\nX-A:1\nX-B:2\nX-C:3\nEND:VCARD\n", "no-suffix"),
        (b"2022-12-16 17:04:16 INFO a, b\n# not a heading\n", "server.log"),
        (b"#!/bin/sh\n# comment\n", "run.sh"),
        (b"# comment\nimport this\n", "main.py"),
    ],
)
def test_data_and_code_are_plain_text(head: bytes, filename: str) -> None:
    """Whatever people write for machines is read as it is, and isn't mistaken for a page, an email or a table."""
    assert sniff(head, filename, None) == types.PLAIN


@pytest.mark.parametrize(
    "text",
    [
        "plain words".encode("utf-16"),
        "plain words".encode("utf-16-le"),
        "können äöüß".encode("latin-1"),
        "こんにちは".encode("shift_jis"),
        "Привет".encode("koi8-r"),
        b"BM is how a bitmap begins, and this is none",
        b"\x1b[31mred\x1b[0m as a terminal writes it",
    ],
)
def test_text_in_any_charset_is_text(text: bytes) -> None:
    """Bytes that are text in some charset are text, also those that begin like a picture's."""
    assert sniff(text, "notes.txt", None) == types.PLAIN


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        (PNG, "scan.png"),
        (PNG, "really-a-picture.pdf"),
        (b"\x7fELF" + bytes(100), "program"),
        (b"\x1f\x8b\x08" + bytes(100), "archive.tar.gz"),
        (zipped(readme_dot_txt=b"x"), "archive.zip"),
        (zipped(mimetype=OASIS + b"graphics"), "drawing.odg"),
        (COMPOUND, "old.doc"),
        (compound("WordDocument", "1Table"), "old"),
        (compound("PowerPoint Document"), "really-old.xls"),
        (bytes(range(256)) * 8, "blob"),
        (b"%!PS-Adobe-3.0\n", "drawing.ps"),
    ],
)
def test_what_nobody_can_read_is_refused_with_advice(head: bytes, filename: str) -> None:
    """Pictures, programs, archives and old formats are refused, and the message says what to do."""
    with pytest.raises(Permanent, match=r"can't be read: .+") as caught:
        sniff(head, filename, None)
    assert caught.value.code is Code.UNSUPPORTED


def test_an_office_file_in_the_old_container_is_behind_a_password() -> None:
    """Office encrypts a DOCX by putting it into the container that DOC used."""
    for head, name in ((COMPOUND, "secret.docx"), (compound("EncryptedPackage"), "no-suffix")):
        with pytest.raises(Permanent, match="password") as caught:
            sniff(head, name, None)
        assert caught.value.code is Code.ENCRYPTED


@pytest.mark.parametrize(("filename", "expected"), [("letter.msg", types.MSG), ("table.xls", types.XLS)])
def test_an_old_container_that_hides_its_list_keeps_the_type_of_its_name(filename: str, expected: str) -> None:
    """Where the list of what it holds lies behind the head, the name decides, and the parser finds out."""
    assert sniff(COMPOUND, filename, None) == expected


def test_no_bytes_are_empty() -> None:
    """A file of zero bytes is refused as empty, whatever its name."""
    with pytest.raises(Permanent) as caught:
        sniff(b"", "empty.pdf", "application/pdf")
    assert caught.value.code is Code.EMPTY


@pytest.mark.parametrize("head", [b"PK\x03\x04 cut", b"\0\1\2\3 nonsense", b"some words"])
def test_a_damaged_document_keeps_the_type_of_its_name(head: bytes) -> None:
    """A broken container goes to the parser of its name, which can say what is wrong with it."""
    assert sniff(head, "report.docx", None) == types.DOCX


@pytest.mark.parametrize("folder", FOLDERS)
def test_documents_are_what_their_names_say(folder: Path) -> None:
    """Each document is recognised, most of them without their name."""
    for path in sorted(folder.iterdir()):
        head = path.read_bytes()[:HEAD_BYTES]
        if path.name not in MISLABELLED and path.suffix in TOLD_BY_THEIR_BYTES and head:
            assert sniff(head, "unknown", None) == sniff(head, path.name, None), path.name


@pytest.mark.parametrize("made", [each for each in SET if each.media_type], ids=lambda made: made.file)
def test_every_kind_is_recognised(made: Made) -> None:
    """Each document of our own set, those of another name and in rare charsets too, has the type it was made as."""
    assert sniff((FILES / made.file).read_bytes()[:HEAD_BYTES], made.file, None) == made.media_type
