"""PDFs with columns, tables, pages, ligatures, forms, and scripts that run another way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pypdfium2 as pdfium

from shared.errors import Code
from shared.media_types import PDF
from tests.documents.made import Made, refused
from tests.services.docproc.hostile.pdf_files import locked
from tests.services.docproc.parsing.pdfs import (
    JAPANESE,
    JAPANESE_DOWNWARDS,
    KOREAN,
    PAGE,
    at,
    far_eastern,
    grid,
    lines,
    one_page,
    paged,
    pdf,
    stream,
    with_empty_password,
)

LEFT = (
    *("At Müllers Mühle the gauge", "has stood since 1911, and in", "most winters the ice takes"),
    *("its lowest mark. The keep-", "ers then paint a new one in", "red, before the thaw ends."),
)
RIGHT = (
    *("Downstream the valley is", "wider. There the flood of", "1954 reached the windows of"),
    *("the school, and a line over", "the door still shows how", "high the water had come."),
)


def columns() -> bytes:
    """Line by line across the page, as some programs write two columns."""
    rows = (
        at(x, 240 - 12 * place, text, size=9)
        for place, pair in enumerate(zip(LEFT, RIGHT, strict=True))
        for x, text in zip((15, 160), pair, strict=True)
    )
    return one_page(at(60, 270, "Two gauges of one river", size=14) + b"".join(rows) + at(140, 20, "7", size=9))


CELLS = (("Station", "Visits", "Level, m"), ("Old Bridge, north", "1 204", "2.40"), ("Lower Weir", "87", "-0.15"))


def table() -> bytes:
    """A ruled table, one of whose cells has two lines, with a note's raised figure in its head and the note below."""
    xs, ys = (20, 120, 200, 280), (250, 230, 200, 180)
    content = at(20, 270, "Visits to each station in one year") + grid(xs, ys)
    for y, row in zip(ys, CELLS, strict=False):
        content += b"".join(at(x + 4, y - 14, text, size=10) for x, text in zip(xs, row, strict=False))
    content += at(24, 204, "bank", size=10)
    return one_page(content + at(20, 40, "The keeper measures levels by hand, at noon.", size=8))


PAGES = (
    ("Das Pegelbuch", "Die Schleuse in Straßkirchen öff-", "net täglich um fünf Uhr früh."),
    ("Der Eisgang", "Am Wehr ist der Fluß dann oft zu", "hoch für die Fähre nach Übersee."),
    ("Das Ende", r"The o\003cial \001rst \002ood was not di\003cult", "to foresee, as the keepers admit."),
)


LAST = len(PAGES) - 1
LIGATURES = (
    b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica"
    b"/Encoding<</BaseEncoding/WinAnsiEncoding/Differences[1/fi/fl/ffi/ffl]>>>>"
)


def pages() -> bytes:
    """Three pages with an outline, the last set with ligatures. The font is object 10, the outline 11 to 14."""
    shown = (PAGE % b"/Contents %d 0 R" % (7 + place) for place in range(len(PAGES)))
    return pdf(
        *(each.replace(b"/F 3 0 R", b"/F 10 0 R") for each in shown),
        *(stream(lines(20, 250, title, "", *texts)) for title, *texts in PAGES),
        LIGATURES,
        b"<</Type/Outlines/First 12 0 R/Last 14 0 R/Count 3>>",
        *(_bookmark(place) for place in range(len(PAGES))),
        pages=b"4 0 R 5 0 R 6 0 R",
        catalog=b"/Outlines 11 0 R",
    )


def _bookmark(place: int) -> bytes:
    near = (b"/Prev %d 0 R" % (11 + place) if place else b"") + (
        b"/Next %d 0 R" % (13 + place) if place < LAST else b""
    )
    title = PAGES[place][0].encode("latin-1")
    return b"<</Title(%b)/Parent 11 0 R/Dest[%d 0 R/Fit]%b>>" % (title, 4 + place, near)


HEBREW = ("הנהר עולה בכל חורף", "ובקיץ הגשר הישן יבש", "והדייגים חוזרים לכפר")


def hebrew() -> bytes:
    """Drawn from the left to the right, the last letter first, in a font that says what its codes stand for."""
    letters = sorted({letter for text in HEBREW for letter in text} - {" "})
    codes = {letter: chr(ord("a") + place) for place, letter in enumerate(letters)} | {" ": " "}
    named = b" ".join(b"<%02x> <%04x>" % (ord(codes[letter]), ord(letter)) for letter in letters)
    cmap = b"/CIDInit/ProcSet findresource begin begincmap %d beginbfchar %b endbfchar endcmap end"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>"
    drawn = ("".join(codes[letter] for letter in reversed(text)) for text in HEBREW)
    content = one_page(lines(60, 250, *drawn), font, stream(cmap % (len(letters), named)))
    return content.replace(b"/F 3 0 R", b"/F 6 0 R")


JAPANESE_LINES = ("川の水位は毎朝五時に測", "られ、番人が帳面に書き", "写す。冬は氷が厚い。")
DOWNWARDS = ("春になると雪が溶けて、", "川の水が「橋の下」まで", "来る。舟は岸に上げる。")
KOREAN_LINES = ("강의 수위는 매일 아침에", "재고 문지기가 장부에 옮", "겨 적는다 겨울은 길다")


def _across(encoding: bytes, texts: Sequence[str]) -> bytes:
    return far_eastern(encoding, *((20.0, 250.0 - 14 * place, text) for place, text in enumerate(texts)))


def _downwards(texts: Sequence[str]) -> bytes:
    """The first column is the rightmost."""
    return far_eastern(JAPANESE_DOWNWARDS, *((280.0 - 20 * place, 250.0, text) for place, text in enumerate(texts)))


def form() -> bytes:
    """Two fields on the lines of their labels, and a comment."""
    fields = (
        b"<</Type/Annot/Subtype/Widget/FT/Tx/F 4/DA(/F 12 Tf 0 g)/Rect[%b]/T(%b)/V(%b)>>" % each
        for each in ((b"90 198 250 212", b"name", b"J\xf6rg Gro\xdfmann"), (b"90 178 250 192", b"level", b"2.65 m"))
    )
    return one_page(
        at(20, 250, "Report of a level") + at(20, 200, "Keeper:") + at(20, 180, "Level:"),
        *fields,
        b"<</Type/Annot/Subtype/Text/Rect[250 240 270 260]/Contents(Please measure once more.)>>",
        entries=b"/Annots[6 0 R 7 0 R 8 0 R]",
        catalog=b"/AcroForm<</Fields[6 0 R 7 0 R]/NeedAppearances true/DA(/F 12 Tf 0 g)/DR<</Font<</F 3 0 R>>>>>>",
    )


SCANNED = ("The heron waits in the shallow", "water beside the old mill.")


def scan() -> bytes:
    """A page that is only a picture, in black and white, of a page with words, at 200 dots per inch."""
    with pdfium.PdfDocument(one_page(lines(20, 200, *SCANNED, size=14))) as document:
        bitmap = document[0].render(scale=200 / 72, grayscale=True)
        rows, stride = bytes(bitmap.buffer), bitmap.stride
    picture = b"".join(_run_lengths(_bits(rows[y * stride : y * stride + bitmap.width])) for y in range(bitmap.height))
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 1"
    image = stream(picture + b"\x80", entries=entries % (bitmap.width, bitmap.height) + b"/Filter/RunLengthDecode")
    content = one_page(b"q 300 0 0 300 0 0 cm /I Do Q", image)
    return content.replace(b"/Font<<", b"/XObject<</I 6 0 R>>/Font<<")


def _bits(row: bytes) -> bytes:
    """Eight pixels a byte: 1 for white."""
    padded = row.ljust(-(-len(row) // 8) * 8, b"\xff")
    return bytes(
        sum(128 >> place for place, grey in enumerate(padded[start : start + 8]) if grey > 127)
        for start in range(0, len(padded), 8)
    )


def _run_lengths(row: bytes) -> bytes:
    """Each run of equal bytes as its length, in PDF's way, and the byte."""
    return b"".join(_run(byte, len(list(run))) for byte, run in groupby(row))


def _run(byte: int, length: int) -> bytes:
    whole, rest = divmod(length, 128)
    long = bytes((129, byte)) * whole
    return long + (bytes((257 - rest, byte)) if rest > 1 else bytes((0, byte)) if rest else b"")


MADE = (
    Made(
        "columns.pdf",
        columns,
        PDF,
        strings=(
            "At Müllers Mühle the gauge has stood since 1911",
            "its lowest mark. The keepers then paint a new one in red",
            "There the flood of 1954 reached the windows of the school",
        ),
        pages={1: ("Two gauges of one river",)},
        page_count=1,
        tags=("columns", "hyphenation", "umlauts"),
    ),
    Made(
        "table.pdf",
        table,
        PDF,
        strings=(
            "Station Visits Level, m",
            "Old Bridge, north bank 1 204 2.40",
            "Lower Weir 87 -0.15",
            "The keeper measures levels by hand, at noon.",
        ),
        page_count=1,
        tags=("table",),
    ),
    Made(
        "pages.pdf",
        pages,
        PDF,
        pages={
            1: ("Das Pegelbuch", "Die Schleuse in Straßkirchen öffnet täglich um fünf Uhr früh."),
            2: ("Der Eisgang", "der Fluß dann oft zu hoch für die Fähre nach Übersee"),
            3: ("The official first flood was not difficult to foresee", "as the keepers admit"),
        },
        page_count=3,
        tags=("umlauts", "hyphenation", "ligatures", "outline"),
    ),
    Made(
        "hebrew.pdf",
        hebrew,
        PDF,
        strings=HEBREW,
        page_count=1,
        tags=("right-to-left",),
    ),
    Made(
        "japanese.pdf",
        lambda: _across(JAPANESE, JAPANESE_LINES),
        PDF,
        strings=("川の水位は毎朝五時に測られ、", "番人が帳面に書き写す。"),
        page_count=1,
        tags=("cjk",),
    ),
    Made(
        "japanese-vertical.pdf",
        lambda: _downwards(DOWNWARDS),
        PDF,
        strings=("".join(DOWNWARDS),),
        page_count=1,
        tags=("cjk", "vertical"),
    ),
    Made(
        "korean.pdf",
        lambda: _across(KOREAN, KOREAN_LINES),
        PDF,
        strings=(" ".join(KOREAN_LINES),),
        page_count=1,
        tags=("cjk",),
    ),
    Made(
        "form.pdf",
        form,
        PDF,
        strings=("Keeper: Jörg Großmann", "Level: 2.65 m", "Please measure once more."),
        page_count=1,
        tags=("form", "comment", "umlauts"),
    ),
    Made(
        "no-printing.pdf",
        lambda: with_empty_password(at(20, 200, "Everybody may read this, nobody may print it."), aes=False),
        PDF,
        strings=("Everybody may read this, nobody may print it.",),
        page_count=1,
        tags=("restricted",),
    ),
    refused("scan.pdf", scan, Code.NEEDS_OCR, PDF, "scan"),
    refused("password.pdf", lambda: locked(b"heron", b"keeper"), Code.ENCRYPTED, PDF),
    refused("cut.pdf", lambda: pages()[:700], Code.CORRUPT, PDF),
    refused("blank.pdf", lambda: paged(b"", b""), Code.EMPTY, PDF),
)
