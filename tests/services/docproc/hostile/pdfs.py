"""PDFs that unpack, loop, nest, run programs, or ask for a password."""

from __future__ import annotations

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile import pdf_traps as traps
from tests.services.docproc.hostile.case import Hostile, either, read, refused
from tests.services.docproc.hostile.pdf_files import (
    FONT,
    flate,
    locked,
    page,
    pdf,
    stream,
    text,
    without_table,
)

CORRUPT, COMPLEX, TOO_LARGE, EMPTY, OCR = Code.CORRUPT, Code.TOO_COMPLEX, Code.TOO_LARGE, Code.EMPTY, Code.NEEDS_OCR
MIB = 1024 * 1024


CASES: tuple[Hostile, ...] = (
    either(
        "contents of 60 MiB in 300 kB",
        "flate.pdf",
        lambda: pdf(o5=flate(b" " * 60 * MIB + text())),
        EMPTY,
        COMPLEX,
        OCR,
    ),
    either(
        "contents packed twice, 30 MiB in a few hundred bytes",
        "flate.pdf",
        lambda: traps.flate_twice(30 * MIB),
        EMPTY,
        COMPLEX,
        OCR,
        CORRUPT,
    ),
    either("a thousand filters on one stream", "filters.pdf", lambda: traps.filters(1_000), EMPTY, CORRUPT, OCR),
    either(
        "LZW that grows",
        "lzw.pdf",
        lambda: pdf(o5=stream(traps.lzw(10_000), b"/Filter/LZWDecode")),
        EMPTY,
        OCR,
        COMPLEX,
    ),
    refused("run lengths of spaces", "runs.pdf", lambda: traps.run_lengths(16 * MIB), EMPTY, COMPLEX, OCR),
    refused(
        "pages that are their own parents",
        "loop.pdf",
        lambda: pdf(o2=b"<</Type/Pages/Kids[2 0 R]/Count 1>>"),
        CORRUPT,
        EMPTY,
    ),
    either(
        "a page beside a loop", "loop.pdf", lambda: pdf(o2=b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 2>>"), CORRUPT, EMPTY
    ),
    either(
        "a count of two million pages",
        "count.pdf",
        lambda: pdf(o2=b"<</Type/Pages/Kids[3 0 R]/Count 2000000>>"),
        TOO_LARGE,
        CORRUPT,
    ),
    either("a count below zero", "count.pdf", lambda: pdf(o2=b"<</Type/Pages/Kids[3 0 R]/Count -7>>"), CORRUPT, EMPTY),
    either("a tree of pages 5,000 deep", "deep.pdf", lambda: traps.deep_pages(5_000), CORRUPT, EMPTY, COMPLEX),
    refused("more pages than allowed", "pages.pdf", lambda: traps.many_pages(201), TOO_LARGE),
    either("one page 150 times", "pages.pdf", lambda: traps.same_page(150), CORRUPT),
    refused("one page a million times", "pages.pdf", lambda: traps.same_page(1_000_000), TOO_LARGE, CORRUPT),
    either(
        "forms that show each other, 10^12 times",
        "forms.pdf",
        lambda: traps.forms(12, 10),
        Code.TIMED_OUT,
        EMPTY,
        OCR,
        COMPLEX,
        TOO_LARGE,
    ),
    either("a form that shows itself twice", "forms.pdf", traps.form_loop, COMPLEX, Code.TIMED_OUT),
    either("a letter that is drawn with itself", "font.pdf", traps.drawn_font, OCR, EMPTY, COMPLEX),
    either(
        "letters that stand for 500 letters each",
        "cmap.pdf",
        lambda: traps.mapped(b"1 beginbfrange <00><ff><" + b"0061" * 500 + b"> endbfrange", "x" * 3_000),
        TOO_LARGE,
        COMPLEX,
        EMPTY,
    ),
    either(
        "a million ranges of letters",
        "cmap.pdf",
        lambda: traps.mapped(b"1000000 beginbfrange " + b"<00><ff><0061> " * 50_000 + b"endbfrange"),
        OCR,
        EMPTY,
        COMPLEX,
    ),
    either(
        "a font with 100,000 widths",
        "widths.pdf",
        lambda: pdf(o4=FONT.replace(b">>", b"/FirstChar 0/LastChar 2147483647/Widths[%b]>>" % (b"9 " * 100_000))),
        EMPTY,
    ),
    either(
        "a font program of noise",
        "font.pdf",
        lambda: pdf(
            o4=FONT.replace(b">>", b"/FontDescriptor<</FontFile2 10 0 R/Flags 4/FontName/X>>>>"),
            o10=flate(b"\0\1\0\0\xff\xff" + b"\xff" * 9_999),
        ),
        OCR,
        EMPTY,
    ),
    read("an outline whose entry follows itself", "outline.pdf", lambda: traps.outline(b"/Next 11 0 R")),
    read("an outline that holds itself", "outline.pdf", lambda: traps.outline(b"/First 10 0 R/Last 10 0 R/Count 9")),
    read("an outline of 6,000 entries", "outline.pdf", lambda: traps.long_outline(6_000)),
    read(
        "a script that runs when it opens",
        "script.pdf",
        lambda: traps.acting(b"/JavaScript/JS(app.launchURL\\('%b'\\); while \\(1\\);)" % lures.url().encode()),
        hides=("launchURL",),
    ),
    read(
        "a program to start",
        "launch.pdf",
        lambda: traps.acting(b"/Launch/F(/bin/sh)/Win<</F(cmd.exe)>>"),
        hides=("cmd.exe",),
    ),
    read("an address to open", "uri.pdf", lambda: traps.acting(b"/URI/URI(%b)" % lures.url().encode())),
    read(
        "a form to be sent",
        "submit.pdf",
        lambda: traps.acting(b"/SubmitForm/F<</FS/URL/F(%b)>>/Flags 4" % lures.url().encode()),
    ),
    read(
        "another file to go to",
        "goto.pdf",
        lambda: traps.acting(b"/GoToR/F(%b)/D[0/Fit]" % lures.secret_file().encode()),
        hides=(lures.SECRET,),
    ),
    read(
        "data to import",
        "import.pdf",
        lambda: traps.acting(b"/ImportData/F(%b)" % lures.secret_file().encode()),
        hides=(lures.SECRET,),
    ),
    read(
        "contents that lie in another file",
        "outer.pdf",
        lambda: pdf(o3=page(b"[5 0 R 10 0 R]"), o10=stream(b"", b"/F(%b)" % lures.secret_file().encode())),
        hides=(lures.SECRET,),
    ),
    read("a program as an attachment", "attached.pdf", traps.embedded),
    read(
        "a field that holds itself",
        "field.pdf",
        lambda: traps.form_field(b"(typed)", b"/Kids[10 0 R]/Parent 10 0 R"),
    ),
    read("a field of 200,000 letters", "field.pdf", lambda: traps.form_field(b"(%b)" % (b"x" * 200_000))),
    read("20,000 notes", "notes.pdf", lambda: traps.with_notes(20_000)),
    refused("a password that nobody gave", "locked.pdf", lambda: locked(b"user", b"owner"), Code.ENCRYPTED),
    read("a password for its owner only", "owner.pdf", lambda: locked(b"", b"owner")),
    refused(
        "an encryption that nobody knows",
        "locked.pdf",
        lambda: pdf(trailer=b"/Encrypt<</Filter/Secret/V 9>>"),
        Code.ENCRYPTED,
        CORRUPT,
    ),
    *(
        either(f"cut off after {part:.0%}", "cut.pdf", lambda part=part: traps.cut(part), CORRUPT, EMPTY)  # type: ignore[misc]
        for part in (0.05, 0.3, 0.6, 0.9)
    ),
    refused("nothing but a header", "header.pdf", lambda: b"%PDF-1.7", CORRUPT),
    read("a header behind 900 bytes of noise", "late.pdf", lambda: b"\x81" * 900 + pdf()),
    either("a table of references that follows itself", "xref.pdf", traps.table_loop, CORRUPT),
    either(
        "a table that claims 10^9 rows",
        "xref.pdf",
        lambda: without_table(b"xref\n0 1000000000\ntrailer<</Size 1000000000/Root 1 0 R>>\nstartxref\nSTART\n%%EOF"),
        CORRUPT,
    ),
    either(
        "a table beyond the end",
        "xref.pdf",
        lambda: without_table(b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n99999999999\n%%EOF"),
        CORRUPT,
    ),
    either("objects in a stream that extends itself", "objstm.pdf", traps.object_streams, CORRUPT, EMPTY),
    read(
        "a length that is its own stream",
        "length.pdf",
        lambda: pdf(o5=b"<</Length 5 0 R>>stream\n" + text() + b"\nendstream"),
    ),
    either(
        "a length of 2^40",
        "length.pdf",
        lambda: pdf(o5=b"<</Length 1099511627776>>stream\n" + text() + b"\nendstream"),
        CORRUPT,
        EMPTY,
    ),
    either(
        "100,000 lists in each other",
        "deep.pdf",
        lambda: traps.nested(b"[", b"]", 100_000),
        CORRUPT,
        COMPLEX,
        EMPTY,
    ),
    either(
        "100,000 dictionaries within each other",
        "deep.pdf",
        lambda: traps.nested(b"<</A", b">>", 100_000),
        CORRUPT,
        COMPLEX,
        EMPTY,
    ),
    read(
        "contents that nest 100,000 deep", "deep.pdf", lambda: pdf(o5=flate(text() + b" q" * 100_000 + b" [" * 100_000))
    ),
    read(
        "contents that close what they never opened",
        "close.pdf",
        lambda: pdf(o5=flate(b"Q ET ] >> EMC " * 50_000 + text())),
    ),
    either("a page as large as a country", "box.pdf", lambda: pdf(o3=page(box=b"-1e38 -1e38 1e38 1e38")), EMPTY, OCR),
    either("a page of no size", "box.pdf", lambda: pdf(o3=page(box=b"0 0 0 0")), EMPTY, OCR),
    either(
        "JBIG2 of noise",
        "jbig2.pdf",
        lambda: traps.image(b"/Width 9/Height 9/Filter/JBIG2Decode", b"\x97JB2\r\n" + b"\xff" * 999),
        OCR,
    ),
    either(
        "JPEG 2000 of noise",
        "jpx.pdf",
        lambda: traps.image(b"/Width 9/Height 9/Filter/JPXDecode", b"\0\0\0\x0cjP  " + b"\xff" * 999),
        OCR,
    ),
    refused(
        "a picture of 2^31 points a side",
        "image.pdf",
        lambda: traps.image(b"/Width 2147483647/Height 2147483647", b"x"),
        OCR,
    ),
    read(
        "a picture in the contents that never ends",
        "inline.pdf",
        lambda: pdf(o5=stream(text() + b" BI /W 99999 /H 99999 /BPC 8 /CS /RGB ID xxxx")),
    ),
    either(
        "a million letters at one place",
        "letters.pdf",
        lambda: pdf(o5=flate(text("x" * 1_000_000))),
        TOO_LARGE,
        COMPLEX,
    ),
    read(
        "a form of XFA with an entity",
        "xfa.pdf",
        lambda: pdf(
            o1=b"<</Type/Catalog/Pages 2 0 R/AcroForm<</XFA 10 0 R/Fields[]>>>>",
            o10=stream(b'<!DOCTYPE x [<!ENTITY x SYSTEM "file://%b">]><xdp>&x;</xdp>' % lures.secret_file().encode()),
        ),
        hides=(lures.SECRET,),
    ),
)
