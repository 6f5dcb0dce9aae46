"""Files that are something else than they say, two things at once, or nothing at all."""

from __future__ import annotations

import gzip
import zlib

from shared.errors import Code
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused
from tests.services.docproc.hostile.office_files import book, epub, sheet_xml, slides, word, word_xml, zipped
from tests.services.docproc.hostile.pdf_files import page, pdf, stream
from tests.services.docproc.hostile.zip_writer import DOCUMENT, container

UNSUPPORTED, CORRUPT, EMPTY, ENCRYPTED = Code.UNSUPPORTED, Code.CORRUPT, Code.EMPTY, Code.ENCRYPTED
_PAGE = f"<html><body><p>{RIVER}</p><script>steal()</script></body></html>".encode()
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64)
_JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(64)

PROGRAMS: tuple[Hostile, ...] = (
    refused("a Windows program named as a PDF", "invoice.pdf", lambda: b"MZ\x90\0" + bytes(2_000), UNSUPPORTED),
    refused(
        "a Linux program named as a Word document", "cv.docx", lambda: b"\x7fELF\2\1\1" + bytes(2_000), UNSUPPORTED
    ),
    refused(
        "a Java class named as a text", "notes.txt", lambda: b"\xca\xfe\xba\xbe\0\0\0\x37" + bytes(500), UNSUPPORTED
    ),
    refused("WebAssembly named as a page", "page.html", lambda: b"\0asm\1\0\0\0" + bytes(500), UNSUPPORTED),
    read("a shell script named as a text", "notes.txt", f"#!/bin/sh\n# {RIVER}\nrm -rf /\n".encode),
    read("a shortcut to an address", "report.pdf.url", f"[InternetShortcut]\nURL=file://x\n{RIVER}".encode),
    refused("a picture named as a text", "notes.txt", lambda: _PNG, UNSUPPORTED),
    refused("a picture named as a PDF", "scan.pdf", lambda: _JPEG, UNSUPPORTED),
    refused("a gzip named as a Word document", "cv.docx", lambda: gzip.compress(word()), UNSUPPORTED),
    refused(
        "a tar named as a text",
        "notes.txt",
        lambda: b"notes.txt" + bytes(248) + b"ustar\x0000" + bytes(1_000),
        UNSUPPORTED,
    ),
    refused(
        "noise named as a workbook", "book.xlsx", lambda: bytes(n * 89 % 256 for n in range(999)), UNSUPPORTED, CORRUPT
    ),
    refused("a database named as a table", "table.csv", lambda: b"SQLite format 3\0" + bytes(999), UNSUPPORTED),
    refused("PostScript named as a PDF", "print.pdf", lambda: b"%!PS-Adobe-3.0\n(x) run\n", UNSUPPORTED),
    refused(
        "a sealed Word document", "locked.docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_000), ENCRYPTED
    ),
    refused("an archive of no kind of document", "stuff.zip", lambda: zipped({"a.txt": RIVER}), UNSUPPORTED),
    refused("a packed stream without a container", "x.bin", lambda: zlib.compress(b"x" * 999), UNSUPPORTED),
)

OTHER_DOCUMENTS: tuple[Hostile, ...] = (
    read("a Word document named as a PDF", "report.pdf", word),
    read("a PDF named as a Word document", "report.docx", pdf),
    read("a PDF declared as a page", "report", pdf, declared="text/html"),
    read("a book named as a Word document", "book.docx", epub),
    read("a page named as a PDF", "page.pdf", lambda: _PAGE, hides=("steal",)),
    read("RTF named as a Word document", "letter.docx", f"{{\\rtf1 {RIVER}}}".encode),
    refused("a text named as a workbook", "book.xlsx", RIVER.encode, CORRUPT),
    refused("a text named as a PDF", "report.pdf", RIVER.encode, CORRUPT),
    read("a text declared as a picture", "notes", RIVER.encode, declared="image/png"),
    read("a page declared as no page", "notes.txt", lambda: _PAGE, hides=("steal",), declared="text/plain"),
)

POLYGLOTS: tuple[Hostile, ...] = (
    read("a PDF and a zip", "both.pdf", lambda: pdf() + word("<w:p/>")),
    read("a zip and a PDF", "both.docx", lambda: container(DOCUMENT, comment=pdf())),
    either("a picture and a page", "both.html", lambda: b"GIF89a/*" + _PAGE, UNSUPPORTED, hides=("steal",)),
    refused("a photograph and a page", "both.html", lambda: _JPEG + _PAGE, UNSUPPORTED),
    read("a PDF behind a page", "both.html", lambda: b"<!--\n" + pdf() + b"-->" + _PAGE, hides=("steal",)),
    read("a mail and a page", "both.html", lambda: b"From: a\nTo: b\nSubject: c\nDate: d\n\n" + _PAGE),
    read("RTF and a zip", "both.rtf", lambda: f"{{\\rtf1 {RIVER}}}".encode() + word()),
)

EMPTIES: tuple[Hostile, ...] = (
    *(
        refused(f"no bytes, named {name}", name, bytes, EMPTY)
        for name in (
            "a.pdf",
            "a.docx",
            "a.pptx",
            "a.xlsx",
            "a.epub",
            "a.rtf",
            "a.eml",
            "a.html",
            "a.md",
            "a.csv",
            "a.txt",
            "a",
        )
    ),
    refused("a byte order mark and nothing else", "a.txt", lambda: b"\xef\xbb\xbf", EMPTY),
    refused("blanks", "a.md", lambda: b" \n\t\r\n" * 9, EMPTY),
    refused("characters that show nothing", "a.txt", lambda: "\u200b\ufeff\u00ad".encode() * 99, EMPTY),
    refused("a Word document without words", "a.docx", lambda: word("<w:p/>"), EMPTY),
    refused("a Word document without a body", "a.docx", lambda: zipped({"word/document.xml": word_xml("")}), EMPTY),
    refused("a presentation without words", "a.pptx", lambda: slides(""), EMPTY),
    refused("a workbook without cells", "a.xlsx", lambda: book(sheet_xml("")), EMPTY),
    refused("a book without chapters", "a.epub", lambda: epub(spine=""), EMPTY),
    refused("a blank page", "a.pdf", lambda: pdf(o5=stream(b"")), EMPTY),
    refused("no page", "a.pdf", lambda: pdf(o2=b"<</Type/Pages/Kids[]/Count 0>>"), EMPTY, CORRUPT),
    refused(
        "a page of white on white rules",
        "a.pdf",
        lambda: pdf(o3=page(), o5=stream(b"1 g 0 0 9 9 re f")),
        Code.NEEDS_OCR,
    ),
    refused("a page with nothing but a script", "a.html", lambda: b"<html><script>steal()</script></html>", EMPTY),
    refused("RTF without words", "a.rtf", lambda: b"{\\rtf1{\\fonttbl{\\f0 x;}}}", EMPTY),
    refused("commas", "a.csv", lambda: b",,,\n" * 99, EMPTY),
)

CASES = PROGRAMS + OTHER_DOCUMENTS + POLYGLOTS + EMPTIES
