"""PDFs spoiled in one way each: what unpacks, loops, nests, acts or is cut."""

from __future__ import annotations

import zlib

from tests.services.docproc.hostile.case import RIVER
from tests.services.docproc.hostile.pdf_files import FONT, flate, objects, page, pdf, stream, text, without_table

MIB = 1024 * 1024


def flate_twice(size: int) -> bytes:
    inner = zlib.compress(zlib.compress(b" " * size + text(), 9), 9)
    return pdf(o5=stream(inner, b"/Filter[/FlateDecode/FlateDecode]"))


def filters(count: int) -> bytes:
    names = b"/ASCIIHexDecode" * count
    return pdf(o5=stream(b"00", b"/Filter[%b]" % names))


def lzw(size: int) -> bytes:
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


def run_lengths(size: int) -> bytes:
    return pdf(o5=stream(b"\x81 " * (size // 128), b"/Filter/RunLengthDecode"))


def deep_pages(depth: int) -> bytes:
    bodies = objects() | {2: b"<</Type/Pages/Kids[10 0 R]/Count 1>>"}
    for n in range(10, 10 + depth):
        bodies[n] = b"<</Type/Pages/Parent %d 0 R/Kids[%d 0 R]/Count 1>>" % (n - 1 if n > 10 else 2, n + 1)
    bodies[9 + depth] = page()
    return pdf(bodies)


def many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % n for n in range(10, 10 + count))
    bodies = objects(o2=b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count))
    return pdf(bodies | {n: page() for n in range(10, 10 + count)})


def same_page(count: int) -> bytes:
    return pdf(o2=b"<</Type/Pages/Kids[%b]/Count %d>>" % (b"3 0 R " * count, count))


def forms(levels: int, fan: int) -> bytes:
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


def form_loop() -> bytes:
    own = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N 10 0 R>>>>"
    return pdf(
        o3=page().replace(b"<</Font", b"<</XObject<</N 10 0 R>>/Font"),
        o5=stream(text() + b" /N Do"),
        o10=stream(b"/N Do /N Do", own),
    )


def drawn_font() -> bytes:
    """A font whose letter is drawn by showing the same letter."""
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[9]"
        b"/Encoding<</Differences[97/a]>>/CharProcs<</a 10 0 R>>/Resources<</Font<</F 4 0 R>>>>>>"
    )
    return pdf(o4=font, o5=stream(text("aaaa")), o10=stream(b"9 0 d0 BT /F 12 Tf (aa) Tj ET"))


def mapped(cmap: bytes, words: str = RIVER) -> bytes:
    begin = b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00><ff> endcodespacerange "
    return pdf(
        o4=FONT.replace(b">>", b"/ToUnicode 10 0 R>>"),
        o5=flate(text(words)),
        o10=flate(begin + cmap + b" endcmap"),
    )


def outline(entry: bytes) -> bytes:
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/Outlines 10 0 R>>",
        o10=b"<</Type/Outlines/First 11 0 R/Last 11 0 R>>",
        o11=b"<</Title(The river)/Parent 10 0 R/Dest[3 0 R/Fit]%b>>" % entry,
    )


def long_outline(count: int) -> bytes:
    bodies = objects(
        o1=b"<</Type/Catalog/Pages 2 0 R/Outlines 10 0 R>>", o10=b"<</Type/Outlines/First 11 0 R/Last 11 0 R>>"
    )
    for n in range(11, 11 + count):
        bodies[n] = b"<</Title(%b)/Next %d 0 R/Dest[3 0 R/Fit]>>" % (b"x" * 500, n + 1)
    return pdf(bodies)


def acting(action: bytes) -> bytes:
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/OpenAction 10 0 R/AA<</WC 10 0 R/DC 10 0 R>>>>",
        o3=page(entries=b"/AA<</O 10 0 R/C 10 0 R>>/Annots[11 0 R]"),
        o10=b"<</S%b>>" % action,
        o11=b"<</Type/Annot/Subtype/Link/Rect[0 0 300 300]/A 10 0 R>>",
    )


def form_field(value: bytes, kids: bytes = b"") -> bytes:
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V%b/Rect[10 10 200 30]/DA(/F 12 Tf)%b>>" % (value, kids)
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[10 0 R]/NeedAppearances true/DR<</Font<</F 4 0 R>>>>>>>>",
        o3=page(entries=b"/Annots[10 0 R]"),
        o10=field,
    )


def embedded() -> bytes:
    return pdf(
        o1=b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(x)10 0 R]>>>>>>",
        o10=b"<</Type/Filespec/F(../../run.exe)/EF<</F 11 0 R>>>>",
        o11=flate(b"MZ" + bytes(30 * MIB), b"/Type/EmbeddedFile"),
    )


def image(entries: bytes, data: bytes) -> bytes:
    image = b"/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceRGB" + entries
    return pdf(
        o3=page().replace(b"<</Font", b"<</XObject<</I 10 0 R>>/Font"),
        o5=stream(b"q 99 0 0 99 0 0 cm /I Do Q"),
        o10=stream(data, image),
    )


def with_notes(count: int) -> bytes:
    notes = b"<</Subtype/FreeText/Rect[0 0 9 9]/Contents(x)>>" * count
    return pdf(o3=page(entries=b"/Annots[%b]" % notes))


def table_loop() -> bytes:
    return without_table(b"xref\n0 0\ntrailer<</Size 6/Root 1 0 R/Prev START>>\nstartxref\nSTART\n%%EOF")


def object_streams() -> bytes:
    inside = b"10 0 1 12 <</Type/Pages/Kids[3 0 R]/Count 1>> <</Type/Catalog/Pages 10 0 R>>"
    extending = b"/Type/ObjStm/N 2/First 10/Extends 7 0 R"
    references = b"\1\0\0\0" + b"\2\0\7\0" * 6
    table = stream(references, b"/Type/XRef/Size 7/W[1 2 1]/Root 1 0 R")
    return without_table(b"8 0 obj\n" + table + b"\nendobj\nstartxref\nSTART\n%%EOF", o7=stream(inside, extending))


def nested(opening: bytes, closing: bytes, depth: int) -> bytes:
    return pdf(o3=page(entries=b"/Deep " + opening * depth + closing * depth))


def cut(part: float) -> bytes:
    whole = pdf()
    return whole[: int(len(whole) * part)]
