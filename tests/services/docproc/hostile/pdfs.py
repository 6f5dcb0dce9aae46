"""PDFs that unpack, loop, nest, run programs, or ask for a password."""

from __future__ import annotations

import zlib

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused
from tests.services.docproc.hostile.pdf_files import (
    FONT,
    flate,
    locked,
    objects,
    page,
    pdf,
    stream,
    text,
    without_table,
)

CORRUPT, COMPLEX, TOO_LARGE, EMPTY, OCR = Code.CORRUPT, Code.TOO_COMPLEX, Code.TOO_LARGE, Code.EMPTY, Code.NEEDS_OCR
MIB = 1024 * 1024


def _flate_twice(size: int) -> bytes:
    inner = zlib.compress(zlib.compress(b" " * size + text(), 9), 9)
    return pdf(o5=stream(inner, b"/Filter[/FlateDecode/FlateDecode]"))


def _filters(count: int) -> bytes:
    names = b"/ASCIIHexDecode" * count
    return pdf(o5=stream(b"00", b"/Filter[%b]" % names))


def _lzw(size: int) -> bytes:
    """Clear, then codes that each stand for a string one longer than the last: quadratic in what it unpacks to."""
    bits, width, following = ["100000000", f"{32:09b}"], 9, 258
    for _ in range(size):
        bits.append(f"{min(following, 4094):0{width}b}")
        following += 1
        width = 9 + (following >= 511) + (following >= 1023) + (following >= 2047)
        if following == 4094:
            bits.append(f"{256:0{width}b}")
            bits.append(f"{32:09b}")
            width, following = 9, 258
    joined = "".join(bits)
    joined += "0" * (-len(joined) % 8)
    return int(joined, 2).to_bytes(len(joined) // 8, "big")


def _run_lengths(size: int) -> bytes:
    return pdf(o5=stream(b"\x81 " * (size // 128), b"/Filter/RunLengthDecode"))


def _deep_pages(depth: int) -> bytes:
    bodies = objects() | {2: b"<</Type/Pages/Kids[10 0 R]/Count 1>>"}
    for n in range(10, 10 + depth):
        bodies[n] = b"<</Type/Pages/Parent %d 0 R/Kids[%d 0 R]/Count 1>>" % (n - 1 if n > 10 else 2, n + 1)
    bodies[9 + depth] = page()
    return pdf(bodies)


def _many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % n for n in range(10, 10 + count))
    bodies = objects(o2=b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count))
    return pdf(bodies | {n: page() for n in range(10, 10 + count)})


def _same_page(count: int) -> bytes:
    return pdf(o2=b"<</Type/Pages/Kids[%b]/Count %d>>" % (b"3 0 R " * count, count))


def _forms(levels: int, fan: int) -> bytes:
    """Each form shows the next one several times: what is drawn grows with the power of the levels."""
    bodies = objects(
        o3=page(entries=b"/X 1").replace(b"<</Font", b"<</XObject<</N 10 0 R>>/Font"), o5=stream(b"/N Do ")
    )
    for n in range(10, 10 + levels):
        uses = b"/Resources<</XObject<</N %d 0 R>>/Font<</F 4 0 R>>>>" % (n + 1)
        bodies[n] = stream(b"/N Do " * fan, b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]" + uses)
    bodies[10 + levels] = stream(
        text("ha"), b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]/Resources<</Font<</F 4 0 R>>>>"
    )
    return pdf(bodies)


def _form_loop() -> bytes:
    own = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N 10 0 R>>>>"
    return pdf(
        o3=page().replace(b"<</Font", b"<</XObject<</N 10 0 R>>/Font"),
        o5=stream(text() + b" /N Do"),
        o10=stream(b"/N Do /N Do", own),
    )


def _drawn_font() -> bytes:
    """A font whose letter is drawn by showing the same letter."""
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[9]"
        b"/Encoding<</Differences[97/a]>>/CharProcs<</a 10 0 R>>/Resources<</Font<</F 4 0 R>>>>>>"
    )
    return pdf(o4=font, o5=stream(text("aaaa")), o10=stream(b"9 0 d0 BT /F 12 Tf (aa) Tj ET"))


def _mapped(cmap: bytes, words: str = RIVER) -> bytes:
    begin = b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00><ff> endcodespacerange "
    return pdf(
        o4=FONT.replace(b">>", b"/ToUnicode 10 0 R>>"),
        o5=flate(text(words)),
        o10=flate(begin + cmap + b" endcmap"),
    )


def _outline(entry: bytes) -> bytes:
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/Outlines 10 0 R>>",
        o10=b"<</Type/Outlines/First 11 0 R/Last 11 0 R>>",
        o11=b"<</Title(The river)/Parent 10 0 R/Dest[3 0 R/Fit]%b>>" % entry,
    )


def _long_outline(count: int) -> bytes:
    bodies = objects(
        o1=b"<</Type/Catalog/Pages 2 0 R/Outlines 10 0 R>>", o10=b"<</Type/Outlines/First 11 0 R/Last 11 0 R>>"
    )
    for n in range(11, 11 + count):
        bodies[n] = b"<</Title(%b)/Next %d 0 R/Dest[3 0 R/Fit]>>" % (b"x" * 500, n + 1)
    return pdf(bodies)


def _acting(action: bytes) -> bytes:
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/OpenAction 10 0 R/AA<</WC 10 0 R/DC 10 0 R>>>>",
        o3=page(entries=b"/AA<</O 10 0 R/C 10 0 R>>/Annots[11 0 R]"),
        o10=b"<</S%b>>" % action,
        o11=b"<</Type/Annot/Subtype/Link/Rect[0 0 300 300]/A 10 0 R>>",
    )


def _form_field(value: bytes, kids: bytes = b"") -> bytes:
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V%b/Rect[10 10 200 30]/DA(/F 12 Tf)%b>>" % (value, kids)
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[10 0 R]/NeedAppearances true/DR<</Font<</F 4 0 R>>>>>>>>",
        o3=page(entries=b"/Annots[10 0 R]"),
        o10=field,
    )


def _embedded() -> bytes:
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(x)10 0 R]>>>>>>",
        o10=b"<</Type/Filespec/F(../../run.exe)/EF<</F 11 0 R>>>>",
        o11=flate(b"MZ" + bytes(30 * MIB), b"/Type/EmbeddedFile"),
    )


def _image(entries: bytes, data: bytes) -> bytes:
    image = b"/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceRGB" + entries
    return pdf(
        o3=page().replace(b"<</Font", b"<</XObject<</I 10 0 R>>/Font"),
        o5=stream(b"q 99 0 0 99 0 0 cm /I Do Q"),
        o10=stream(data, image),
    )


def _with_notes(count: int) -> bytes:
    notes = b"<</Subtype/FreeText/Rect[0 0 9 9]/Contents(x)>>" * count
    return pdf(o3=page(entries=b"/Annots[%b]" % notes))


def _table_loop() -> bytes:
    return without_table(b"xref\n0 0\ntrailer<</Size 6/Root 1 0 R/Prev START>>\nstartxref\nSTART\n%%EOF")


def _object_streams() -> bytes:
    inside = b"10 0 1 12 <</Type/Pages/Kids[3 0 R]/Count 1>> <</Type/Catalog/Pages 10 0 R>>"
    extending = b"/Type/ObjStm/N 2/First 10/Extends 7 0 R"
    references = b"\1\0\0\0" + b"\2\0\7\0" * 6
    table = stream(references, b"/Type/XRef/Size 7/W[1 2 1]/Root 1 0 R")
    return without_table(b"8 0 obj\n" + table + b"\nendobj\nstartxref\nSTART\n%%EOF", o7=stream(inside, extending))


def _nested(opening: bytes, closing: bytes, depth: int) -> bytes:
    return pdf(o3=page(entries=b"/Deep " + opening * depth + closing * depth))


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
        lambda: _flate_twice(30 * MIB),
        EMPTY,
        COMPLEX,
        OCR,
        CORRUPT,
    ),
    either("a thousand filters on one stream", "filters.pdf", lambda: _filters(1_000), EMPTY, CORRUPT, OCR),
    either(
        "LZW that grows", "lzw.pdf", lambda: pdf(o5=stream(_lzw(10_000), b"/Filter/LZWDecode")), EMPTY, OCR, COMPLEX
    ),
    refused("run lengths of spaces", "runs.pdf", lambda: _run_lengths(16 * MIB), EMPTY, COMPLEX, OCR),
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
    either("a tree of pages 5,000 deep", "deep.pdf", lambda: _deep_pages(5_000), CORRUPT, EMPTY, COMPLEX),
    refused("more pages than allowed", "pages.pdf", lambda: _many_pages(201), TOO_LARGE),
    either("one page 150 times", "pages.pdf", lambda: _same_page(150), CORRUPT),
    refused("one page a million times", "pages.pdf", lambda: _same_page(1_000_000), TOO_LARGE, CORRUPT),
    either(
        "forms that show each other, 10^12 times",
        "forms.pdf",
        lambda: _forms(12, 10),
        Code.TIMED_OUT,
        EMPTY,
        OCR,
        COMPLEX,
        TOO_LARGE,
    ),
    either("a form that shows itself twice", "forms.pdf", _form_loop, COMPLEX, Code.TIMED_OUT),
    either("a letter that is drawn with itself", "font.pdf", _drawn_font, OCR, EMPTY, COMPLEX),
    either(
        "letters that stand for 500 letters each",
        "cmap.pdf",
        lambda: _mapped(b"1 beginbfrange <00><ff><" + b"0061" * 500 + b"> endbfrange", "x" * 3_000),
        TOO_LARGE,
        COMPLEX,
        EMPTY,
    ),
    either(
        "a million ranges of letters",
        "cmap.pdf",
        lambda: _mapped(b"1000000 beginbfrange " + b"<00><ff><0061> " * 50_000 + b"endbfrange"),
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
    read("an outline whose entry follows itself", "outline.pdf", lambda: _outline(b"/Next 11 0 R")),
    read("an outline that holds itself", "outline.pdf", lambda: _outline(b"/First 10 0 R/Last 10 0 R/Count 9")),
    read("an outline of 6,000 entries", "outline.pdf", lambda: _long_outline(6_000)),
    read(
        "a script that runs when it opens",
        "script.pdf",
        lambda: _acting(b"/JavaScript/JS(app.launchURL\\('%b'\\); while \\(1\\);)" % lures.url().encode()),
        hides=("launchURL",),
    ),
    read(
        "a program to start",
        "launch.pdf",
        lambda: _acting(b"/Launch/F(/bin/sh)/Win<</F(cmd.exe)>>"),
        hides=("cmd.exe",),
    ),
    read("an address to open", "uri.pdf", lambda: _acting(b"/URI/URI(%b)" % lures.url().encode())),
    read(
        "a form to be sent",
        "submit.pdf",
        lambda: _acting(b"/SubmitForm/F<</FS/URL/F(%b)>>/Flags 4" % lures.url().encode()),
    ),
    read(
        "another file to go to",
        "goto.pdf",
        lambda: _acting(b"/GoToR/F(%b)/D[0/Fit]" % lures.secret_file().encode()),
        hides=(lures.SECRET,),
    ),
    read(
        "data to import",
        "import.pdf",
        lambda: _acting(b"/ImportData/F(%b)" % lures.secret_file().encode()),
        hides=(lures.SECRET,),
    ),
    read(
        "contents that lie in another file",
        "outer.pdf",
        lambda: pdf(o3=page(b"[5 0 R 10 0 R]"), o10=stream(b"", b"/F(%b)" % lures.secret_file().encode())),
        hides=(lures.SECRET,),
    ),
    read("a program as an attachment", "attached.pdf", _embedded),
    read("a field whose child is itself", "field.pdf", lambda: _form_field(b"(typed)", b"/Kids[10 0 R]/Parent 10 0 R")),
    read("a field of 200,000 letters", "field.pdf", lambda: _form_field(b"(%b)" % (b"x" * 200_000))),
    read("20,000 notes", "notes.pdf", lambda: _with_notes(20_000)),
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
        either(f"cut off after {part:.0%}", "cut.pdf", lambda part=part: _cut(part), CORRUPT, EMPTY)  # type: ignore[misc]
        for part in (0.05, 0.3, 0.6, 0.9)
    ),
    refused("nothing but a header", "header.pdf", lambda: b"%PDF-1.7", CORRUPT),
    read("a header behind 900 bytes of noise", "late.pdf", lambda: b"\x81" * 900 + pdf()),
    either("a table of references that follows itself", "xref.pdf", _table_loop, CORRUPT),
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
    either("objects in a stream that extends itself", "objstm.pdf", _object_streams, CORRUPT, EMPTY),
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
        "100,000 lists within each other", "deep.pdf", lambda: _nested(b"[", b"]", 100_000), CORRUPT, COMPLEX, EMPTY
    ),
    either(
        "100,000 dictionaries within each other",
        "deep.pdf",
        lambda: _nested(b"<</A", b">>", 100_000),
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
        lambda: _image(b"/Width 9/Height 9/Filter/JBIG2Decode", b"\x97JB2\r\n" + b"\xff" * 999),
        OCR,
    ),
    either(
        "JPEG 2000 of noise",
        "jpx.pdf",
        lambda: _image(b"/Width 9/Height 9/Filter/JPXDecode", b"\0\0\0\x0cjP  " + b"\xff" * 999),
        OCR,
    ),
    refused(
        "a picture of 2^31 points a side",
        "image.pdf",
        lambda: _image(b"/Width 2147483647/Height 2147483647", b"x"),
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


def _cut(part: float) -> bytes:
    whole = pdf()
    return whole[: int(len(whole) * part)]
